use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(crash_limit = 5)]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
