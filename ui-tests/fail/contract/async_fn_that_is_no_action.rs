use soa::{ActionError, service};

#[service(name = "example")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;

    async fn pong(&self) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
