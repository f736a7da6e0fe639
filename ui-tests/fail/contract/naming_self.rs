use soa::{ActionError, Value, service};

#[service(name = "example", version = "1.0.0")]
trait Example {
    type Request;

    #[action]
    async fn echo(&self, request: Self::Request) -> Result<Value, ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    type Request = Value;

    async fn echo(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).echo(Value::Nil);
}
