use soa::health::Health;
use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[health_check(fail_if_slower_than = 0.2)]
    async fn speed(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
