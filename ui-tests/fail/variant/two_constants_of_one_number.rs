use soa::{ActionError, Switch, service};

const NEW: Switch = Switch::new(5);
const SAME: Switch = Switch::new(5);

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(name = "square", switch = NEW)]
    async fn square_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "square", switch = SAME)]
    async fn square(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {}
