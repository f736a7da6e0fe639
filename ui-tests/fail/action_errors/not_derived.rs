use soa::{ActionError, ClientError, Value, service};

#[derive(Debug)]
enum SquareError {
    TooLarge,
}

fn find(error: ClientError) -> Option<SquareError> {
    error.find::<SquareError>()
}

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn square(&self, request: Value) -> Result<Value, SquareError> {
        Err(SquareError::TooLarge)
    }

    #[action]
    async fn cube(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = find;
}
