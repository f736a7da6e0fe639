use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 9223372036854775808)]
    async fn user_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).user();
}
