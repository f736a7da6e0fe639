//! A service whose name is made from that of its type.

use soa::{ActionError, service};

/// A service that is named by its type.
#[derive(Debug)]
pub struct DefaultNamed;

#[soa::body]
pub struct Pong {
    pub result: String,
}

#[service(
    version = "1.0.0",
    package = "example_api",
    component = "example-component"
)]
impl DefaultNamed {
    #[action]
    async fn ping(&self) -> Result<Pong, ActionError> {
        Ok(Pong {
            result: "pong".to_owned(),
        })
    }
}
