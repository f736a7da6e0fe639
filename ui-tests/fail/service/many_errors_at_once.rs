use soa::{ActionError, Context, Value, service};

struct Example;

#[service(name = "9", version = "one", vis)]
impl Example {
    #[action(nam = "square")]
    fn square(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action]
    async fn cube(&mut self, _cx: &Context, request: Value) -> Value {
        request
    }

    #[action(name = "square")]
    async fn again<T>(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(request = "Value")]
    async fn new(&self, _request: Value) -> Result<(), ActionError> {
        Ok(())
    }
}

// The client has its methods, wrong as they are, so nothing here is an error too.
fn calls(client: &ExampleClient, value: Value) {
    let _ = client.square(value.clone());
    let _ = client.cube(value);
    Example.helper();
}

impl Example {
    fn helper(&self) {}
}

fn main() {}
