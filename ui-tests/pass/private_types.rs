//! The types of an action may be private where the client is public.
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

pub struct Private;

#[service(name = "private", version = "1.0.0")]
impl Private {
    #[action(request = Request, response = Response)]
    async fn same(&self, request: Request) -> Result<Response, ActionError> {
        Ok(Response {
            number: request.number,
        })
    }
}

fn main() {
    let _ = PrivateClient::local(Private).same(Request { number: 1 });
}
