//! A contract can be made where only a function sees it, with types that nobody else sees.
#![deny(warnings)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Switch, service};

fn main() {
    #[derive(Serialize, Deserialize, Validate, JsonSchema)]
    struct Number {
        #[garde(skip)]
        number: u64,
    }

    const NEW: Switch = Switch::new(5);

    #[service(name = "local", version = "1.0.0")]
    trait Local {
        #[action(request = Number)]
        async fn same(&self, request: Number) -> Result<Number, ActionError>;

        #[action(name = "same", switch = NEW)]
        async fn same_v2(&self, request: Number) -> Result<Number, ActionError>;
    }

    struct Keeper;

    #[service]
    impl Local for Keeper {
        async fn same(&self, request: Number) -> Result<Number, ActionError> {
            Ok(request)
        }

        async fn same_v2(&self, request: Number) -> Result<Number, ActionError> {
            Ok(request)
        }
    }

    let local = LocalClient::local(Keeper);
    let _ = (local.same(Number { number: 1 }), local.same_v2(Number { number: 2 }));
}
