use soa::{ActionError, Switch, service};

const NEW: Switch = Switch::new(7);

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 5)]
    async fn user_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 5)]
    async fn user_v3(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = NEW)]
    async fn user_v4(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = NEW)]
    async fn user_v5(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).user();
}
