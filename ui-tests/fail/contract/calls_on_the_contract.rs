use soa::{ActionError, service};

#[service(name = "example", version = "1.0.0", calls("stock"))]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

struct Kept;

#[service(calls("stock"))]
impl Example for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
