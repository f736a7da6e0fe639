//! The request and the response of one action.

use std::time::Duration;

use super::body::Body;
use super::error::WireError;
use super::name::Name;
use super::variant::Variant;
use crate::codec::{Encoding, Value};
use crate::declared::{Declared, UNDECLARED};

/// The functions that read a response whose dates, decimals and other types are text, by the schema of the response.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ReadText {
    /// Reads every text whose type is another one. The error has a line for each that does not have the form of its type.
    pub all: fn(Value) -> Result<Value, String>,
    /// Reads what the type does not take as it is, and leaves what cannot be read.
    pub misfits: fn(Value) -> Value,
}

/// The key of the list of arguments in the body of a call by positions.
#[doc(hidden)]
pub const ARGUMENTS: &str = "arguments";

/// The key of the bare result in the body of its response.
#[doc(hidden)]
pub const RESULT: &str = "result";

/// The request for one action.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ActionRequest, Body, Encoding, value};
///
/// let body = Body::encode(Encoding::MessagePack, &value!({ "number": 12 }));
/// let request = ActionRequest::new("square", body);
/// assert_eq!(request.action, "square");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionRequest {
    /// The name of the action.
    pub action: Name,
    /// The input of the action.
    pub body: Body,
    /// The variant of the action that a typed caller means. Not part of the message.
    #[doc(hidden)]
    pub variant: Option<&'static Variant>,
    /// The properties of the action that a typed caller knows. Not part of the message.
    pub(crate) declared: &'static Declared,
    /// True if the caller has marked this call as idempotent. Not part of the message.
    #[doc(hidden)]
    pub is_repeatable: bool,
    /// The reader of a response that is written as text, of a typed caller. Stubs in settings and in
    /// test plans are. Not part of the message.
    #[doc(hidden)]
    pub read_text: Option<ReadText>,
    /// True if the body has a list of arguments by their positions, and that of the response the bare result. Only transports
    /// that say so take this.
    #[doc(hidden)]
    pub is_positional: bool,
}

impl ActionRequest {
    /// Creates a request for this action with this body.
    pub fn new(action: impl Into<Name>, body: Body) -> Self {
        Self {
            action: action.into(),
            body,
            variant: None,
            declared: UNDECLARED,
            is_repeatable: false,
            read_text: None,
            is_positional: false,
        }
    }

    /// Returns true if a second run has no further effect: the action is declared `idempotent`, or the caller has marked
    /// this call so. Always false on the server, as it is not part of the message.
    pub fn is_idempotent(&self) -> bool {
        self.is_repeatable || self.declared.is_idempotent()
    }

    /// Returns the time for which an answer may be reused, if the action declares one. Always `None` on the server, as it
    /// is not part of the message.
    pub fn cache_time(&self) -> Option<Duration> {
        self.declared.cache_time()
    }

    #[doc(hidden)]
    pub fn declared(mut self, declared: &'static Declared) -> Self {
        self.declared = declared;
        self
    }

    #[doc(hidden)]
    pub fn reading_text(mut self, read_text: ReadText) -> Self {
        self.read_text = Some(read_text);
        self
    }

    /// Returns the properties that a typed caller knows.
    #[doc(hidden)]
    pub fn known(&self) -> &'static Declared {
        self.declared
    }

    #[doc(hidden)]
    pub fn positional(mut self) -> Self {
        self.is_positional = true;
        self
    }

    #[doc(hidden)]
    pub fn of_variant(mut self, variant: Option<&'static Variant>) -> Self {
        self.variant = variant;
        self
    }
}

/// The response of one action that ran.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ActionResponse, Encoding, WireError};
///
/// let error = WireError::caller("NOT_FOUND", "No such book").with_field("isbn");
/// let response = ActionResponse::failed("find_book", vec![error], Encoding::MessagePack);
/// assert_eq!(response.errors[0].field.as_deref(), Some("isbn"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionResponse {
    /// The name of the action.
    pub action: Name,
    /// Errors of the action; empty if it succeeded.
    pub errors: Vec<WireError>,
    /// The output of the action; `{}` if there are errors.
    pub body: Body,
}

impl ActionResponse {
    /// Creates a response without errors.
    pub fn new(action: impl Into<Name>, body: Body) -> Self {
        Self {
            action: action.into(),
            errors: Vec::new(),
            body,
        }
    }

    /// Creates a response with errors and an empty body.
    pub fn failed(action: impl Into<Name>, errors: Vec<WireError>, encoding: Encoding) -> Self {
        Self {
            action: action.into(),
            errors,
            body: Body::empty(encoding),
        }
    }
}
