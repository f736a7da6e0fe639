use soa::{ActionError, service};

struct Example;

#[service]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
