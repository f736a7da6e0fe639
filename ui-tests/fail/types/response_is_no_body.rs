use soa::{ActionError, service};

struct Number;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn all(&self) -> Result<Vec<Number>, ActionError> {
        Ok(Vec::new())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).all();
}
