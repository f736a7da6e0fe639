use soa::service;

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), soa::ActionError>;
}

struct Other;

impl Example for Other {
    async fn ping(&self) -> Result<(), soa::ActionError> {
        Ok(())
    }
}

fn main() {}
