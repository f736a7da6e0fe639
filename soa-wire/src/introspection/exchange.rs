//! Calls of actions, as data.

use crate::codec::Value;
use crate::message::{SwitchSet, WireError};

/// One call of an action and its answer, as a stub records it.
///
/// ```
/// # use soa_wire as soa;
/// use soa::introspection::Exchange;
/// use soa::{SwitchSet, value};
///
/// let exchange = Exchange::new(
///     "calculator",
///     "square",
///     SwitchSet::new(),
///     value!({ "number": 12 }),
///     Ok(value!({ "square": 144 })),
/// );
/// assert!(exchange.answer.is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exchange {
    /// Service that the stub stands for.
    pub service: String,
    /// Action, with the name that `introspect` uses: a variant is `name[switch:5]`.
    pub action: String,
    /// Switches that were on.
    pub switches: SwitchSet,
    /// Body of the request.
    pub request: Value,
    /// Body of the response, or the errors.
    pub answer: Result<Value, Vec<WireError>>,
}

impl Exchange {
    /// Creates an exchange from its parts.
    pub fn new(
        service: impl Into<String>,
        action: impl Into<String>,
        switches: SwitchSet,
        request: Value,
        answer: Result<Value, Vec<WireError>>,
    ) -> Self {
        Self {
            service: service.into(),
            action: action.into(),
            switches,
            request,
            answer,
        }
    }
}
