//! Documentation may come from a macro, and is told to callers.
#![deny(warnings)]

use soa::{ActionError, Service, service};

struct Example;

/// Is an example.
#[doc = concat!("Of ", "this.")]
#[service(name = "example")]
impl Example {
    #[doc = concat!("Pings ", stringify!(it), ".")]
    /// At once.
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let descriptor = Example::DESCRIPTOR;
    assert_eq!(descriptor.documentation(), Some("Is an example.\nOf this."));
    assert_eq!(descriptor.actions()[0].documentation(), Some("Pings it.\nAt once."));
    let _ = ExampleClient::local(Example).ping();
}
