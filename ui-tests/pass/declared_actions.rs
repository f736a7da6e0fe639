//! The declarations of an action besides its types, and its descriptor.
#![deny(warnings, missing_docs)]

use std::time::Duration;

use soa::{ActionError, Service, Value, service, value};

/// A service.
pub struct Orders;

/// Keeps orders.
#[service(name = "orders", version = "1.0.0")]
impl Orders {
    /// Changes an order.
    #[action(requires = "orders.write")]
    async fn change(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    /// Finds an order.
    #[action(requires = ["orders.read", "orders.read:all",], idempotent, cache = "1m 30s")]
    async fn find(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    /// Finds an order.
    #[action(name = "find", switch = 5, idempotent, crash_limit = 255)]
    async fn find_2(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }
}

/// A contract.
#[service(name = "stock", version = "1.0.0")]
pub trait Stock {
    /// Counts.
    #[action(idempotent)]
    async fn count(&self) -> Result<Value, ActionError>;
}

fn main() {
    let [change, find, find_2] = Orders::DESCRIPTOR.actions() else {
        panic!("three actions");
    };
    assert_eq!(change.declared().required_permissions(), ["orders.write"]);
    assert!(!change.declared().is_idempotent());
    assert_eq!(
        find.declared().required_permissions(),
        ["orders.read", "orders.read:all"]
    );
    assert_eq!(find.declared().cache_time(), Some(Duration::from_secs(90)));
    assert!(find.declared().is_idempotent() && find_2.declared().is_idempotent());
    assert!(find_2.declared().required_permissions().is_empty());
    assert_eq!((find.declared().crashes(), find_2.declared().crashes()), (None, Some(255)));
    let _ = StockClient::COUNT;
}
