use soa::{ActionError, Value, service, value};

struct Example;

#[service(name = "example", version = "1.0.0", rest = "/{tenant}")]
impl Example {
    #[action(get = "/items/{id}")]
    async fn no_request(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    #[action(post = "/things", body = item)]
    async fn no_body(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    #[action(delete = "/items/{tenant}", result = item)]
    async fn no_response(&self, _request: Value) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(put = "/items/{item}", body = item)]
    async fn in_the_path(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
