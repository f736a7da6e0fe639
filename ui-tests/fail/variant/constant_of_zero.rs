use soa::{ActionError, Switch, service};

const NONE: Switch = Switch::new(0);

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(name = "square", switch = NONE)]
    async fn square_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn square(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {}
