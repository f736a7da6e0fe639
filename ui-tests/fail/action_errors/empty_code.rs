use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    #[action_error(code = "")]
    TooLarge,
}

fn main() {
    let _ = SquareError::CODES;
}
