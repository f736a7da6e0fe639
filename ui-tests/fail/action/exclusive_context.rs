use soa::{ActionError, Context, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn echo(&self, _request: Value, _cx: &mut Context) -> Result<(), ActionError> {
        Ok(())
    }
}

fn calls(client: &ExampleClient, value: Value) {
    let _ = client.echo(value);
}

fn main() {}
