use soa::{ActionError, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(body = whole)]
    async fn body(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(headers("Location" = "/items"), status = 201)]
    async fn headers(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(status = 202)]
    async fn status(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items", delete = "/items", body = whole)]
    async fn body_of_get(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
