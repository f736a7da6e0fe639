//! The request and the response of a job.

use super::action::{ActionRequest, ActionResponse};
use super::context::{ContextHeader, ResponseContext};
use super::control::Control;
use super::error::WireError;
use crate::extensions::Extensions;

/// A job: one or more actions, which run in order in one server process.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, value};
///
/// let square = |number: i64| {
///     let body = Body::encode(Encoding::MessagePack, &value!({ "number": number }));
///     ActionRequest::new("square", body)
/// };
/// let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![square(2), square(3)]);
/// assert_eq!(job.actions.len(), 2);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobRequest {
    /// Options of this job.
    pub control: Control,
    /// Header that is passed on to services that are called in turn.
    pub context: ContextHeader,
    /// Actions, in order. A server answers a job without actions with an error.
    pub actions: Vec<ActionRequest>,
    /// Values of middleware for later middleware and for handlers. Not part of the message.
    pub extensions: Extensions,
}

impl JobRequest {
    /// Creates a job of these actions.
    pub fn new(context: ContextHeader, control: Control, actions: Vec<ActionRequest>) -> Self {
        Self {
            control,
            context,
            actions,
            extensions: Extensions::new(),
        }
    }
}

/// The answer to a job.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{JobResponse, WireError, code};
///
/// let error = WireError::server(code::OVERLOADED, "Too many jobs");
/// let response = JobResponse::failed(vec![error]);
/// assert!(response.actions.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct JobResponse {
    /// Errors of the job as a whole. If there are any, there are no actions.
    pub errors: Vec<WireError>,
    /// Context of the response.
    pub context: ResponseContext,
    /// Responses of the actions that ran, in order. Without `continue_on_error`, an action that failed is the last one.
    pub actions: Vec<ActionResponse>,
}

impl JobResponse {
    /// Creates the response of a job that failed as a whole.
    pub fn failed(errors: Vec<WireError>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }
}
