use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    TooLarge(i64),
}

fn main() {
    let _ = SquareError::TooLarge(1).into_wire();
}
