use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    #[action_error(other)]
    Other,
}

fn main() {
    let _ = SquareError::CODES;
}
