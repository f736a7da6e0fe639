use soa::{ActionErrors, WireError};

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    TooLarge,
    #[action_error(other, code = "OTHER", server)]
    Other(WireError),
}

fn main() {
    let _ = SquareError::CODES;
}
