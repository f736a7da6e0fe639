use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(requires = ["", "orders write", "orders.read", "orders.read"])]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(requires = [])]
    async fn pong(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(requires = ORDERS)]
    async fn pang(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(requires = ["a" "b"])]
    async fn pung(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(requires("orders.read"))]
    async fn peng(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
