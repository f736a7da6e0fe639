//! A contract has no parameters; who keeps it may have any.
#![deny(warnings)]

use soa::{ActionError, Service, Value, service};

pub trait Store: Send + Sync + 'static {
    type Error: Into<ActionError>;

    fn stock(&self) -> Result<i64, Self::Error>;
}

pub struct Nothing;

impl Store for Nothing {
    type Error = ActionError;

    fn stock(&self) -> Result<i64, ActionError> {
        Ok(0)
    }
}

#[service(name = "shop", version = "1.0.0")]
pub trait Shop {
    /// The service's own affair.
    type Error: Into<ActionError>;

    #[action]
    async fn stock(&self) -> Result<Value, Self::Error>;
}

pub struct Counter<S, const N: usize>(S);

#[service]
impl<S, const N: usize> Shop for Counter<S, N>
where
    S: Store,
{
    type Error = S::Error;

    async fn stock(&self) -> Result<Value, S::Error> {
        self.0.stock().map(Value::from)
    }
}

fn main() {
    assert_eq!(Counter::<Nothing, 3>::DESCRIPTOR.name(), "shop");
    let _ = ShopClient::local(Counter::<_, 3>(Nothing)).stock();
}
