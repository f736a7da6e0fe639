use soa::{ActionError, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(get = "/items/{id}", post = "/items", get = "/items/{number}")]
    async fn first(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items/{name}", put = "/items/{name}")]
    async fn second(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(name = "second", switch = 5, put = "/items/{name}")]
    async fn variant_of_the_second(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
