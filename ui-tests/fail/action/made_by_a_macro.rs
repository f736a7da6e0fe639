use soa::{ActionError, action, service};

macro_rules! ping {
    ($name:ident) => {
        #[action]
        async fn $name(&self) -> Result<(), ActionError> {
            Ok(())
        }
    };
}

struct Example;

#[service(name = "example")]
impl Example {
    ping!(ping);
}

fn main() {
    let _ = Example.ping();
}
