use soa::{ActionError, service};

trait Example {
    async fn ping(&self) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Kept.ping();
}
