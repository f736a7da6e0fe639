use soa::{ActionError, service};

struct Example;

#[service(name = "example")]
impl Example {
    #[action(timeout = "2 seconds")]
    async fn one(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(timeout = 2)]
    async fn two(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(timeout = "0ms")]
    async fn three(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(timeout)]
    async fn four(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).one();
}
