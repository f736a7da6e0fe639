use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(idempotent, cache = "0s")]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, cache = 10)]
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, cache = "a while")]
    async fn pang(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, cache)]
    async fn pung(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
