//! The error of job middleware.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::action::ActionError;
use super::list::list;
use crate::message::WireError;

/// The failure of a whole job, from job middleware.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::JobError;
/// use soa::middleware::{JobStage, Next, from_fn};
///
/// let require_caller = from_fn(|job: soa::JobRequest, next: Next<JobStage>| async move {
///     if job.context.caller.is_none() {
///         return Err(JobError::new("NO_CALLER", "The caller has no name").field("context.caller"));
///     }
///     next.run(job).await
/// });
/// let server = soa::Server::untyped("tools", "1.0.0").job_middleware(require_caller).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Debug)]
pub struct JobError(Box<[WireError]>);

impl JobError {
    /// Returns an error of the job. Errors of jobs do not count as the caller's fault (protocol, section 9).
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new([WireError::server(code, message)]))
    }

    /// Names the field at fault, dotted: `context.token`.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        if let Some(error) = self.0.last_mut() {
            error.field = Some(field.into());
        }
        self
    }

    /// Returns the errors as the caller will see them.
    pub fn errors(&self) -> &[WireError] {
        &self.0
    }

    pub(crate) fn into_errors(self) -> Vec<WireError> {
        self.0.into_vec()
    }
}

impl From<Vec<WireError>> for JobError {
    fn from(errors: Vec<WireError>) -> Self {
        Self(ActionError::from_errors(errors).into_errors().into())
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, &self.0)
    }
}

impl Error for JobError {}
