use soa::{Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn echo(&self, request: Value) -> Value {
        request
    }
}

fn calls(client: &ExampleClient, value: Value) {
    let _ = client.echo(value);
}

fn main() {}
