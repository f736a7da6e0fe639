use soa::health::Health;
use soa::{ActionError, service};

#[service(name = "example")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;

    #[health_check]
    async fn disk(&self) -> Health {
        Health::ok()
    }
}

struct Kept;

#[service]
impl Example for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
