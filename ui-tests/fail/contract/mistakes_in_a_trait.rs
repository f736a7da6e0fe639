use soa::{ActionError, Value, service};

#[service(name = "example")]
trait Example {
    #[action]
    fn ping(&self) -> Result<(), ActionError>;

    #[action]
    async fn echo(request: Value) -> Result<Value, ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    async fn echo(request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
    let _ = ExampleClient::local(Kept).echo(Value::Nil);
}
