use soa::ActionErrors;

#[derive(Debug, ActionErrors)]
enum SquareError {
    /// The number is too large.
    TooLarge {
        #[action_error(field = "number")]
        number: i64,
    },
}

fn main() {
    let _ = SquareError::TooLarge { number: 1 }.into_wire();
}
