use soa::{ActionError, Context, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self, cx: &Context) -> Result<(), ActionError> {
        let _ = cx.;
        Ok(())
    }

    #[action(request = Value)]
    async fn echo(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let example = ExampleClient::local(Example);
    let _ = (example.ping(), example.echo(Value::Nil));
    let _ = ExampleClient::PING;
}
