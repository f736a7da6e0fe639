use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    TooLarge,
    #[action_error(server)]
    TooSmall { number: i64 },
}

fn main() {
    let _ = SquareError::CODES;
}
