use soa::{ActionError, action};

struct Example;

impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Example.ping();
}
