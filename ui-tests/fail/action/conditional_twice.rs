use soa::{ActionError, service};

struct Example;

#[service(name = "example")]
impl Example {
    #[cfg_attr(unix, cfg_attr(not(windows), deprecated, action(idempotent)))]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Example.ping();
}
