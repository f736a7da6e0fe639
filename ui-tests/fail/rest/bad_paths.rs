use soa::{ActionError, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(get = "items")]
    async fn no_slash(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items/a{id}")]
    async fn part_of_a_segment(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items/{}")]
    async fn no_name(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/files/{*rest}")]
    async fn all_the_rest(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items/{id}/of/{id}")]
    async fn name_twice(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items?id={id}")]
    async fn query(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/my items")]
    async fn space(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items/:id")]
    async fn colon(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/files/*rest")]
    async fn star(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/b\u{fc}cher")]
    async fn no_ascii(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items/../{id}")]
    async fn dots(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = "/items//{id}")]
    async fn empty_segment(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(get = 3, post)]
    async fn no_text(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
