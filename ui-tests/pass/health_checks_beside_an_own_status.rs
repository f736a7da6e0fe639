use soa::health::Health;
use soa::{ActionError, service};

struct Example;

#[service(name = "example")]
impl Example {
    #[action]
    async fn status(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[health_check]
    async fn disk(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
