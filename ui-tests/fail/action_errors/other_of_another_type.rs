use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    #[action_error(other)]
    Other(String),
}

fn main() {
    let _ = SquareError::CODES;
}
