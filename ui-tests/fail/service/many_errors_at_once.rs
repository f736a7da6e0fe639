use soa::{ActionError, Context, Value, service};

struct Example;

#[service(name = "9", version = "one", vis)]
impl Example {
    #[action(nam = "square", timeout = 5)]
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

    #[action(name = "user", switch = 5)]
    async fn user_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 5)]
    async fn user_v3(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = "6")]
    async fn user_v4(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(switch = 7)]
    async fn alone(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(blocking = true, request = Value)]
    async fn sum(&self, request: &Value) -> Result<Vec<&Self>, ActionError> {
        drop(request.clone());
        Ok(Vec::new())
    }
}

// The client has its methods, wrong as they are, so nothing here is an error too.
fn calls(client: &ExampleClient, value: Value) {
    let _ = (client.square(value.clone()), client.cube(value.clone()));
    let _ = (client.again(), client.sum(value));
    let _ = (client.user_v2(), client.user_v3(), client.user_v4(), client.alone());
    Example.helper();
}

impl Example {
    fn helper(&self) {}
}

fn main() {
    let _ = ExampleClient::local(Example);
}
