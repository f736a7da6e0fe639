use soa::{ActionError, service};

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;

    #[action]
    async fn pong(&self) -> Result<(), ActionError>;
}

struct Half;

#[service]
impl Example for Half {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Half).pong();
}
