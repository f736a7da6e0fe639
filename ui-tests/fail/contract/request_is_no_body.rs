use soa::{ActionError, service};

struct Number;

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn square(&self, request: Number) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn square(&self, request: Number) -> Result<(), ActionError> {
        drop(request);
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).square(Number);
}
