//! One action's request and response.

use super::{Body, Name, Variant, WireError};

/// The request for one action.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionRequest {
    /// The name of the action.
    pub action: Name,
    /// Its input.
    pub body: Body,
    /// Which variant of the action a typed caller means. It does not travel.
    pub(crate) variant: Option<&'static Variant>,
}

impl ActionRequest {
    /// A request for this action with this body.
    pub fn new(action: impl Into<Name>, body: Body) -> Self {
        Self {
            action: action.into(),
            body,
            variant: None,
        }
    }

    pub(crate) fn of_variant(mut self, variant: Option<&'static Variant>) -> Self {
        self.variant = variant;
        self
    }
}

/// The response of one action that ran.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionResponse {
    /// The name of the action.
    pub action: Name,
    /// What went wrong; empty when it succeeded.
    pub errors: Vec<WireError>,
    /// Its output; `{}` where there are errors.
    pub body: Body,
}

impl ActionResponse {
    /// A successful response.
    pub fn new(action: impl Into<Name>, body: Body) -> Self {
        Self {
            action: action.into(),
            errors: Vec::new(),
            body,
        }
    }

    /// A response with errors and an empty body.
    pub fn failed(
        action: impl Into<Name>,
        errors: Vec<WireError>,
        encoding: crate::codec::Encoding,
    ) -> Self {
        Self {
            action: action.into(),
            errors,
            body: Body::empty(encoding),
        }
    }
}
