use soa::{ActionError, service};

struct Example;

#[service(name = "example")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

#[service(name = "other")]
impl Example {
    #[action]
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
    let client = ExampleClient::local(Example);
    let _ = client.ping();
}
