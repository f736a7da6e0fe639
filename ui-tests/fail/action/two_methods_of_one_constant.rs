use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn get_user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn getUser(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).get_user();
}
