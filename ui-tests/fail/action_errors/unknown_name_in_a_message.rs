use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    #[action_error(message = "{number} is over {limit}")]
    TooLarge { number: i64 },
}

fn main() {
    let _ = SquareError::CODES;
}
