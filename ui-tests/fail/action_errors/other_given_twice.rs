use soa::{ActionErrors, WireError};

#[derive(Debug, ActionErrors)]
enum SquareError {
    #[action_error(other)]
    Other(WireError),
    #[action_error(other)]
    Another(WireError),
}

fn main() {
    let _ = SquareError::CODES;
}
