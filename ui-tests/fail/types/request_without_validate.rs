use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, service};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Number {
    number: u64,
}

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
    let _ = ExampleClient::local(Example).square(Number { number: 1 });
}
