use soa::{ActionError, Value, service};

struct Example;

#[service(
    name = "example",
    version = "1.0.0",
    rest = "example",
    package = "example-api",
    component = "the example"
)]
impl Example {
    #[action(get = "/items")]
    async fn items(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
