use soa::ActionErrors;

#[derive(Debug)]
struct Number(i64);

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    TooLarge { number: Number },
}

fn main() {
    let _ = SquareError::TooLarge { number: Number(1) }.into_wire();
}
