use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(name = "query")]
    async fn QUERY(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {}
