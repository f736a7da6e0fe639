//! The request and the context may each be left out; any error that converts will do.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Context, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

type Result<T, E = ActionError> = std::result::Result<T, E>;

struct Failure;

impl From<Failure> for ActionError {
    fn from(_: Failure) -> Self {
        std::process::abort()
    }
}

pub struct Every;

#[service(name = "every", version = env!("CARGO_PKG_VERSION"))]
impl Every {
    #[action]
    async fn both(&self, request: Number, cx: &Context) -> Result<Number> {
        let _ = cx;
        Ok(request)
    }

    #[action]
    async fn request(&self, mut request: Number) -> Result<Number, Failure> {
        request.number += 1;
        Ok(request)
    }

    #[action]
    async fn context(&self, _: &Context) -> std::result::Result<(), Failure> {
        Err(Failure)
    }

    #[action]
    async fn neither(self: &Self) -> Result<()> {
        Ok(())
    }

    #[action]
    async fn pattern(&self, Number { number }: Number) -> Result<Vec<Option<Number>>> {
        Ok(vec![Some(Number { number })])
    }

    #[action]
    async fn opaque(&self) -> Result<(), impl Into<ActionError> + use<>> {
        Err(Failure)
    }

    // What is called like something of `Arc` is still the handler.
    #[action]
    async fn as_ref(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {
    let every = EveryClient::local(Every);
    let _ = (
        every.both(Number { number: 1 }),
        every.request(Number { number: 2 }),
        every.context(),
        every.neither(),
        every.pattern(Number { number: 3 }),
        every.as_ref(),
        every.opaque(),
    );
    let _ = every.clone();
}
