use soa::{ActionError, service};

#[service(name = "example")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    #[health_check(cashed = "1s")]
    fn disk(&self) -> bool {
        true
    }

    #[health_check]
    async fn database(&self) -> u8 {
        1
    }

    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
