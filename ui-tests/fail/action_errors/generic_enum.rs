use soa::{ActionError, ActionErrors};

#[derive(Debug, ActionErrors)]
enum SquareError<T> {
    /// The number is too large.
    TooLarge { number: T },
}

fn fails() -> Result<(), ActionError> {
    Err(SquareError::TooLarge { number: 1 })?;
    Ok(())
}

fn main() {
    let _ = fails().unwrap_err().find::<SquareError<i64>>();
}
