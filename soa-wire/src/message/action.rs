//! One action's request and response.

use std::time::Duration;

use super::{Body, Name, Variant, WireError};
use crate::declared::{Declared, NOTHING};

/// The request for one action.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionRequest {
    /// The name of the action.
    pub action: Name,
    /// Its input.
    pub body: Body,
    /// Which variant of the action a typed caller means. It does not travel.
    #[doc(hidden)]
    pub variant: Option<&'static Variant>,
    /// What a typed caller knows of the action. It does not travel.
    pub(crate) declared: &'static Declared,
    /// Whether the caller says of this call that it does no harm twice. It does not travel.
    #[doc(hidden)]
    pub is_repeatable: bool,
}

impl ActionRequest {
    /// A request for this action with this body.
    pub fn new(action: impl Into<Name>, body: Body) -> Self {
        Self {
            action: action.into(),
            body,
            variant: None,
            declared: NOTHING,
            is_repeatable: false,
        }
    }

    /// Whether running it twice does what running it once does: the action is declared `idempotent`, or the caller has
    /// said so of this call. Nothing is known of it on the server.
    pub fn is_idempotent(&self) -> bool {
        self.is_repeatable || self.declared.is_idempotent()
    }

    /// For how long an answer may be used again, where the action declares that. Nothing is known of it on the server.
    pub fn cache_time(&self) -> Option<Duration> {
        self.declared.cache_time()
    }

    #[doc(hidden)]
    pub fn declared(mut self, declared: &'static Declared) -> Self {
        self.declared = declared;
        self
    }

    #[doc(hidden)]
    pub fn of_variant(mut self, variant: Option<&'static Variant>) -> Self {
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
