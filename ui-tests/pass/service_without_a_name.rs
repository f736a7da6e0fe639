//! A service that has the name of its type, and the version of its crate.
#![deny(warnings, missing_docs)]

use soa::{ActionError, Service, service};

/// Has parentheses.
pub struct DefaultNamed;

/// Has parentheses.
#[service()]
impl DefaultNamed {
    /// Pings.
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

/// Has parameters.
pub struct Shop<T>(T);

/// Has parameters.
#[service]
impl<T: Send + Sync + 'static> Shop<T> {
    /// Pings.
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

/// A contract with a raw name.
#[expect(non_camel_case_types)]
#[service]
pub trait r#type {
    /// Pings.
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

fn main() {
    let names = [
        <DefaultNamed as Service>::DESCRIPTOR.name(),
        <Shop<u8> as Service>::DESCRIPTOR.name(),
        <typeClient as soa::TypedClient>::DESCRIPTOR.name(),
    ];
    assert_eq!(names, ["default-named", "shop", "type"]);
    let _ = Shop(1).0;
}
