use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {}

fn main() {
    let _ = SquareError::CODES;
}
