use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(idempotent, crash_limit = 0)]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, crash_limit = "three")]
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, crash_limit = 1.5)]
    async fn pang(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, crash_limit = 256)]
    async fn pung(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, crash_limit = -1)]
    async fn peng(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(idempotent, crash_limit)]
    async fn pyng(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
