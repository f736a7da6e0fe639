use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
#[action_error(code = "SQUARE")]
enum SquareError {
    /// The number is too large.
    #[action_error(fields = "number", retries = 3)]
    TooLarge,
}

fn main() {
    let _ = SquareError::CODES;
}
