use soa::{ActionError, service};

struct Example;

#[service(name = "example", crate = {})]
impl Example {
    #[action(switch = {5})]
    async fn one(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(switch = [5])]
    async fn two(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).one();
}
