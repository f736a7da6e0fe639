use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "ping")]
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
    let _ = ExampleClient::local(Example).pong();
}
