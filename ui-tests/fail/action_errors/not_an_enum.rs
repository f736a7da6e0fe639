use soa::{ActionError, ActionErrors};

#[derive(Debug, ActionErrors)]
struct SquareError {
    number: i64,
}

fn fails() -> Result<(), ActionError> {
    Err(SquareError { number: 1 })?;
    Ok(())
}

fn main() {
    let _ = fails().unwrap_err().find::<SquareError>();
}
