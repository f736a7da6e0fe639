//! The strictest lints there are have nothing to say about what the macros generate.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic, clippy::nursery)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Context, Service, service};

/// A number.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

/// A service that does nothing of use.
#[derive(Clone, Copy, Debug)]
pub struct Idle;

/// Waits, in several ways.
#[service(name = "idle", version = "1.0.0")]
impl Idle {
    /// Takes all that a handler can take.
    #[action(request = Vec<Number>, response = Number)]
    async fn all(&self, request: Vec<Number>, cx: &Context) -> Result<Number, ActionError> {
        let _ = cx;
        Ok(Number {
            number: request.iter().map(|number| number.number).sum(),
        })
    }

    #[action]
    async fn nothing(&self) -> Result<(), ActionError> {
        Ok(())
    }

    /// An action of the past.
    #[action(name = "past")]
    #[deprecated]
    async fn of_the_past(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }
}

#[test]
fn the_tables_of_a_service_are_in_the_order_of_its_actions() {
    let names: Vec<&str> = Idle::DESCRIPTOR
        .actions()
        .iter()
        .map(soa::ActionDescriptor::name)
        .collect();
    assert_eq!(names, ["all", "nothing", "past"]);
    assert_eq!(Idle::ACTIONS.len(), 3);
    assert_eq!(IdleClient::ALL.name(), "all");
}
