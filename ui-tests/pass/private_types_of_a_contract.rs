//! The types of a public contract may be private to the crate.
#![deny(warnings)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Request {
    #[garde(range(max = 10))]
    number: u64,
}

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Response {
    #[garde(skip)]
    number: u64,
}

#[service(name = "private", version = "1.0.0")]
pub trait Private {
    #[action(request = Request, response = Response)]
    async fn same(&self, request: Request) -> Result<Response, ActionError>;
}

pub struct Keeper;

#[service]
impl Private for Keeper {
    async fn same(&self, request: Request) -> Result<Response, ActionError> {
        Ok(Response {
            number: request.number,
        })
    }
}

fn main() {
    let _ = PrivateClient::local(Keeper).same(Request { number: 1 });
}
