use soa::{ActionError, service};

struct Number;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn square(&self, request: Number) -> Result<(), ActionError> {
        drop(request);
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).square(Number);
}
