use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = "5")]
    async fn user_1(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 5.0)]
    async fn user_2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = -USER)]
    async fn user_3(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = true)]
    async fn user_4(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = Some(5))]
    async fn user_5(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 5 + 1)]
    async fn user_6(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).user();
}
