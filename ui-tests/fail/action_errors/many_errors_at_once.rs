use soa::{ActionError, ActionErrors};

#[derive(Debug, ActionErrors)]
#[action_error(crat = ::soa)]
enum SquareError {
    TooLarge(i64),
    /// The number is too small.
    #[action_error(code = "")]
    TooSmall,
    #[action_error(massage = "odd")]
    Odd,
    #[action_error(other)]
    Other { code: String },
}

fn fails() -> Result<(), ActionError> {
    Err(SquareError::TooSmall)?;
    Err(SquareError::Odd)?;
    Ok(())
}

fn main() {
    let _ = fails().unwrap_err().find::<SquareError>();
}
