//! A service can have parameters; its client has none.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Context, Service, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

pub trait Store: Send + Sync + 'static {
    type Error: Into<ActionError>;

    fn stock(&self) -> Result<u64, Self::Error>;
}

pub struct Nothing;

impl Store for Nothing {
    type Error = ActionError;

    fn stock(&self) -> Result<u64, ActionError> {
        Ok(0)
    }
}

pub struct Shop<S, const N: usize> {
    store: S,
}

#[service(name = "shop", version = "1.0.0")]
impl<S: Store, const N: usize> Shop<S, N>
where
    S::Error: Send,
{
    #[action]
    async fn stock(&self, _request: Number, _cx: &Context) -> Result<Number, S::Error> {
        let number = self.store.stock()?;
        Ok(Number { number })
    }
}

fn main() {
    assert_eq!(Shop::<Nothing, 3>::DESCRIPTOR.name(), "shop");
    let client = ShopClient::local(Shop::<_, 3> { store: Nothing });
    let _ = client.stock(Number { number: 1 });
}
