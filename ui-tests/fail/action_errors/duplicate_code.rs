use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    TooLarge,
    /// The number is much too large.
    #[action_error(code = "TOO_LARGE", server)]
    MuchTooLarge,
    /// The number is too large again.
    Too_Large,
}

fn main() {
    let _ = SquareError::CODES;
}
