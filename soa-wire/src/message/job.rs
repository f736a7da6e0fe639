//! A job's request and response.

use super::{ActionRequest, ActionResponse, ContextHeader, Control, ResponseContext, WireError};
use crate::extensions::Extensions;

/// A job: one or more actions to be run in order, in one server process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobRequest {
    /// How this job is to be run.
    pub control: Control,
    /// What flows down the chain of services.
    pub context: ContextHeader,
    /// The actions, in order. A server answers a job without any with an error.
    pub actions: Vec<ActionRequest>,
    /// What middleware leaves for later middleware and for handlers. It does not travel.
    pub extensions: Extensions,
}

impl JobRequest {
    /// A job of these actions.
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
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct JobResponse {
    /// Errors of the job as a whole. Where there are any, there are no actions.
    pub errors: Vec<WireError>,
    /// The context of the response.
    pub context: ResponseContext,
    /// The responses of the actions that ran, in order: fewer than were asked for when one of them
    /// failed and the job did not ask to go on.
    pub actions: Vec<ActionResponse>,
}

impl JobResponse {
    /// The response of a job that failed as a whole.
    pub fn failed(errors: Vec<WireError>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }
}
