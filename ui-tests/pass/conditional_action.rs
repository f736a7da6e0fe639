//! An action under `#[cfg]` is there or not there with everything that belongs to it.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Service, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

pub struct Conditional;

#[service(name = "conditional", version = "1.0.0")]
impl Conditional {
    #[action]
    #[cfg(any())]
    async fn never(&self, request: NoSuchType) -> Result<NoSuchType, ActionError> {
        Ok(request)
    }

    #[action(name = "either", request = Number)]
    #[cfg(all())]
    async fn one(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }

    #[action(name = "either", request = NoSuchType)]
    #[cfg(any())]
    async fn other(&self, request: NoSuchType) -> Result<Number, ActionError> {
        Ok(request)
    }
}

fn main() {
    assert_eq!(Conditional::ACTIONS.len(), 1);
    let _ = ConditionalClient::local(Conditional).one(Number { number: 1 });
}
