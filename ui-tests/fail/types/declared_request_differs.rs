use soa::{ActionError, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(request = Vec<()>)]
    async fn echo(&self, request: Value) -> Result<(), ActionError> {
        drop(request);
        Ok(())
    }
}

fn calls(client: &ExampleClient, value: Value) {
    let _ = client.echo(value);
}

fn main() {}
