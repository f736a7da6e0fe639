//! A deprecated action warns those who call it, and nobody else.
#![deny(warnings)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Service, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

pub struct Aged;

#[service(name = "aged", version = "1.0.0")]
impl Aged {
    #[action(request = Number)]
    #[deprecated(since = "1.0.0", note = "call `new_one`")]
    async fn old_one(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }
}

fn main() {
    assert!(Aged::DESCRIPTOR.actions()[0].is_deprecated());
    #[expect(deprecated)]
    let _ = AgedClient::local(Aged).old_one(Number { number: 1 });
}
