use soa::{ActionError, service};

trait Example {}

#[service(name = "example", version = "1.0.0")]
impl dyn Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {}
