//! A service can be made where only a function sees it.
#![deny(warnings)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::service;

fn main() {
    struct Local;

    #[derive(Serialize, Deserialize, Validate, JsonSchema)]
    struct Number {
        #[garde(skip)]
        number: u64,
    }

    type Alias = Number;

    #[service(name = "local", version = "1.0.0")]
    impl Local {
        #[action(response = Alias)]
        async fn same(&self, request: Alias) -> Result<Number, soa::ActionError> {
            Ok(request)
        }
    }

    let _ = LocalClient::local(Local).same(Number { number: 1 });
}
