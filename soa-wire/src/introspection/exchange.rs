//! One call of an action, as data.

use crate::codec::Value;
use crate::message::{SwitchSet, WireError};

/// One call of an action and its answer, as a stub has recorded it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exchange {
    /// The service that the stub stood for.
    pub service: String,
    /// The action, as `introspect` calls it: a variant as `name[switch:5]`.
    pub action: String,
    /// The switches that were on.
    pub switches: SwitchSet,
    /// The request's body.
    pub request: Value,
    /// The response's body, or the errors.
    pub answer: Result<Value, Vec<WireError>>,
}

impl Exchange {
    /// An exchange of these parts.
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
