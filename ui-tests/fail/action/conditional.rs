use soa::{ActionError, service};

struct Example;

#[service(name = "example")]
impl Example {
    #[cfg_attr(unix, action)]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Example.ping();
}
