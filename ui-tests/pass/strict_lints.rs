//! Generated code is documented, and causes no warning.
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, warnings)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Context, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

/// A service.
#[derive(Debug)]
pub struct Strict;

#[service(name = "strict", version = "1.0.0")]
impl Strict {
    #[action]
    async fn undocumented(&self, request: Number, _cx: &Context) -> Result<Number, ActionError> {
        Ok(request)
    }

    /// Documented.
    #[action(name = "another.name", request = Number)]
    async fn documented(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }
}

fn main() {}
