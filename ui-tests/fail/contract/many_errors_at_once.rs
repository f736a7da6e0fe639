use soa::{ActionError, Value, service};

#[service(name = "example", verison = "1.0.0")]
trait Example<T> {
    #[action]
    fn ping(&self) -> Result<(), ActionError>;

    #[action(name = "ping", switch = 0)]
    async fn ping_v2(&self) -> Result<(), ActionError>;

    #[action(switch = 5)]
    async fn echo(request: Value) -> Result<Value, ActionError>;

    #[action(blocking)]
    async fn sum(&self, request: T) -> Value;
}

struct Kept;

#[service(name = "example")]
impl Example<Value> for Kept {
    #[action]
    fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    async fn ping_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    async fn echo(request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    async fn sum(&self, request: Value) -> Value {
        request
    }
}

// The client has its methods, wrong as they are, so nothing here is an error too.
fn calls(client: &ExampleClient, value: Value) {
    let _ = (client.ping(), client.ping_v2());
    let _ = (client.echo(value.clone()), client.sum(value));
}

fn main() {
    let _ = ExampleClient::local(Kept);
}
