use soa::{ActionError, Value, service};

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn echo(&self, request: Value) -> Result<Value, ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn echo(&self, request: Vec<Value>) -> Result<Value, ActionError> {
        Ok(Value::List(request))
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).echo(Value::Nil);
}
