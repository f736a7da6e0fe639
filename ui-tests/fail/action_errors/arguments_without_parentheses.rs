use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    #[action_error = "TOO_LARGE"]
    TooLarge,
    /// The number is too small.
    #[action_error]
    TooSmall,
}

fn main() {
    let _ = SquareError::CODES;
}
