//! The strictest lints there are have nothing to say about what the macros generate.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic, clippy::nursery)]

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::health::Health;
use soa::{ActionError, Context, Service, Switch, service};

/// A number.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

/// Turns the second way of doing nothing on.
pub const NEW: Switch = Switch::new(5);

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

    #[action(name = "nothing", switch = NEW)]
    async fn nothing_new(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "nothing", switch = -6)]
    async fn nothing_newer(&self, cx: &Context) -> Result<(), ActionError> {
        let _ = cx;
        Ok(())
    }

    #[action(blocking)]
    fn wait(&self, request: Number, cx: &Context) -> Result<Number, ActionError> {
        let _ = cx;
        Ok(request)
    }

    /// An action of the past.
    #[action(name = "past")]
    #[deprecated]
    async fn of_the_past(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }

    #[health_check(cached = "1s", slow_after = "2s", timeout = "3s")]
    async fn well(&self, cx: &Context) -> Result<Health, ActionError> {
        let _ = cx;
        Ok(Health::ok())
    }
}

/// The same as a contract.
#[service(name = "idling", version = "1.0.0")]
pub trait Idling {
    /// Takes all that a handler can take.
    #[action(request = Vec<Number>, response = Number)]
    async fn all(&self, request: Vec<Number>, cx: &Context) -> Result<Number, ActionError>;

    /// Does nothing.
    #[action]
    async fn nothing(&self) -> Result<(), ActionError> {
        Ok(())
    }

    /// Does nothing in another way.
    #[action(name = "nothing", switch = NEW)]
    async fn nothing_new(&self) -> Result<(), ActionError>;

    /// Does nothing for a while.
    #[action(blocking)]
    fn wait(&self, request: Number, cx: &Context) -> Result<Number, ActionError>;

    /// Does nothing for no while.
    #[action(blocking)]
    fn wait_not(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }

    /// An action of the past.
    #[action(name = "past")]
    #[deprecated]
    async fn of_the_past(&self, request: Number) -> Result<Number, ActionError>;
}

/// Keeps the contract.
#[derive(Clone, Copy, Debug)]
pub struct Keeper<const N: u64>;

#[service]
impl<const N: u64> Idling for Keeper<N> {
    async fn all(&self, request: Vec<Number>, cx: &Context) -> Result<Number, ActionError> {
        let _ = (request, cx);
        Ok(Number { number: N })
    }

    async fn nothing_new(&self) -> Result<(), ActionError> {
        Ok(())
    }

    fn wait(&self, request: Number, cx: &Context) -> Result<Number, ActionError> {
        let _ = cx;
        Ok(request)
    }

    async fn of_the_past(&self, request: Number) -> Result<Number, ActionError> {
        Ok(request)
    }

    #[health_check]
    async fn well(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

/// Services whose clients nobody uses, with names and types that the compiler and clippy have objections to. The
/// attributes are on the user's items alone, and hold for what is generated for them.
mod hidden {
    #![deny(unreachable_pub, missing_debug_implementations)]

    use soa::{ActionError, ActionErrors, service};

    use super::Number;

    #[deprecated]
    #[derive(Debug)]
    #[allow(clippy::redundant_pub_crate)] // Contradicts `unreachable_pub`.
    pub(super) struct Old;

    #[derive(Debug)]
    #[allow(non_camel_case_types)]
    #[allow(clippy::redundant_pub_crate)]
    pub(super) struct lower_case;

    #[service(name = "lower", version = "1.0.0", vis = pub(super))]
    impl lower_case {
        #[action(request = Vec<Number>, response = ())]
        #[allow(non_snake_case)]
        async fn inCamelCase(&self, request: Vec<Number>) -> Result<(), ActionError> {
            drop(request);
            Ok(())
        }

        #[action]
        #[allow(deprecated)]
        async fn with_old_errors(&self) -> Result<(), Old> {
            Ok(())
        }
    }

    #[service(name = "private", version = "1.0.0", vis = pub(self))]
    #[allow(dead_code)] // That nobody uses it is the case that is tested: its client must warn of nothing, either.
    trait Private {
        #[action(request = Number, response = Number)]
        #[deprecated]
        async fn anything(&self, request: Number) -> Result<Number, ActionError>;
    }

    #[allow(deprecated)]
    impl From<Old> for ActionError {
        fn from(_: Old) -> Self {
            Self::server("OLD", "Old")
        }
    }

    #[derive(Debug, ActionErrors)]
    #[allow(clippy::redundant_pub_crate)]
    pub(super) enum Wrong {
        /// No longer told.
        #[deprecated]
        #[allow(dead_code)] // The same: nothing makes one.
        Past { number: u64 },
        #[action_error(other)]
        Other(soa::WireError),
    }
}

#[test]
fn what_nobody_uses_is_no_warning_either() {
    assert_eq!(
        hidden::lower_caseClient::IN_CAMEL_CASE.name(),
        "inCamelCase"
    );
    assert!(std::any::type_name::<hidden::Wrong>().ends_with("Wrong"));
}

#[test]
fn the_tables_of_a_service_are_in_the_order_of_its_actions() {
    let names: Vec<&str> = Idle::DESCRIPTOR
        .actions()
        .iter()
        .map(soa::ActionDescriptor::name)
        .collect();
    let expected = ["all", "nothing", "nothing", "nothing", "wait", "past"];
    assert_eq!(names, expected);
    assert_eq!(Idle::ACTIONS.len(), 6);
    assert_eq!(IdleClient::ALL.name(), "all");
    assert_eq!(Keeper::<3>::ACTIONS.len(), 6);
}
