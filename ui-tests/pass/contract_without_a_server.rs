//! A contract nobody keeps here is a typed client of a service elsewhere; its other members are its own.
#![deny(warnings)]

use soa::{ActionError, Client, TypedClient, Value, service};

/// The contract of a service elsewhere.
#[service(name = "elsewhere", version = "1.0.0", vis = pub(crate))]
pub trait Elsewhere: std::fmt::Debug + Clone {
    const LIMIT: usize;

    type Item;

    #[action(name = "all.items")]
    async fn items(&self, _: Value) -> Result<Value, ActionError>;

    fn item(&self) -> Self::Item;

    fn helper<T>(&self, _helped: T) -> usize {
        Self::LIMIT
    }
}

fn main() {
    let client = Client::builder().build().unwrap();
    let _ = ElsewhereClient::named(&client, "elsewhere2").items(Value::Nil);
    assert_eq!(ElsewhereClient::DESCRIPTOR.name(), "elsewhere");
}
