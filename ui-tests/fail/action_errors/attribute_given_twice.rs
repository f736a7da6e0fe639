use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    #[action_error(code = "LARGE")]
    #[action_error(server)]
    TooLarge,
}

fn main() {
    let _ = SquareError::CODES;
}
