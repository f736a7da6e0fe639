use soa::{ActionError, action};

struct Example;

#[cfg_attr(windows, soa::service(name = "example"))]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Example.ping();
}
