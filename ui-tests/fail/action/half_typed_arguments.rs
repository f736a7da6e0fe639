use soa::{ActionError, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(name = )]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(req)]
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "echo", request = Vec<)]
    async fn echo(&self, _request: Value) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "all" request = Value)]
    async fn all(&self, _request: Value) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(, )]
    async fn none(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let example = ExampleClient::local(Example);
    let _ = (example.ping(), example.pong(), example.none());
    let _ = (example.echo(Value::Nil), example.all(Value::Nil));
}
