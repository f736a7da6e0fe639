use soa::{ActionError, service};

#[service(name = "first", version = "1.0.0")]
trait First {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

#[service(name = "second", version = "1.0.0")]
trait Second {
    #[action]
    async fn pong(&self) -> Result<(), ActionError>;
}

struct Both;

#[service]
impl First for Both {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

#[service]
impl Second for Both {
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = FirstClient::local(Both).ping();
}
