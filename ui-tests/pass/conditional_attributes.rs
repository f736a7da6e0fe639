//! Attributes in a `#[cfg_attr]` on an action apply if its condition holds.
#![deny(warnings)]

use soa::{ActionError, Service, service};

pub struct Aged;

#[service(name = "aged", version = "1.0.0")]
impl Aged {
    #[action]
    #[cfg_attr(all(), deprecated(note = "call `new_one`"), doc = "The old one.")]
    async fn old_one(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    #[cfg_attr(any(), deprecated(note = "not yet"))]
    async fn new_one(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

#[service(name = "contract", version = "1.0.0")]
pub trait Contract {
    #[action]
    #[cfg_attr(all(), deprecated)]
    async fn ping(&self) -> Result<(), ActionError>;
}

pub struct Keeper;

#[service]
impl Contract for Keeper {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let is_deprecated: Vec<bool> = Aged::DESCRIPTOR
        .actions()
        .iter()
        .map(soa::ActionDescriptor::is_deprecated)
        .collect();
    assert_eq!(is_deprecated, [true, false]);
    let aged = AgedClient::local(Aged);
    let _ = aged.new_one();
    #[expect(deprecated)]
    let _ = aged.old_one();
    #[expect(deprecated)]
    let _ = ContractClient::local(Keeper).ping();
}
