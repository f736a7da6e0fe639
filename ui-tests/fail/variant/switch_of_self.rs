use soa::{ActionError, Switch, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    const NEW: Switch = Switch::new(5);

    #[action]
    async fn user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = Self::NEW)]
    async fn user_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).user();
}
