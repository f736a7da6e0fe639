//! The error of job middleware.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::action::ActionError;
use crate::message::WireError;

/// The failure of a whole job, from job middleware.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{JobError, JobRequest};
///
/// fn require_caller(job: &JobRequest) -> Result<(), JobError> {
///     match &job.context.caller {
///         Some(_) => Ok(()),
///         None => Err(JobError::new("NO_CALLER", "The caller has no name").field("context.caller")),
///     }
/// }
/// ```
pub struct JobError(ActionError);

impl JobError {
    /// Returns an error of the job. Errors of jobs do not count as the caller's fault (protocol, section 9).
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self(ActionError::server(code, message))
    }

    /// Returns the error of an unexpected failure of the middleware: `SERVER_ERROR`, `Internal server error: …`. Callers
    /// get an id in place of the text, as for [`ActionError::internal`].
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{JobError, JobRequest};
    ///
    /// fn audit(job: &JobRequest) -> Result<(), JobError> {
    ///     std::fs::write("/var/log/audit", &*job.context.correlation_id).map_err(JobError::internal)
    /// }
    /// ```
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(ActionError::internal(error))
    }

    /// Names the field at fault, dotted: `context.token`.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self(self.0.field(field))
    }

    /// Sets the status of the answer over HTTP: see [`ActionError::http_status`].
    #[must_use]
    pub fn http_status(self, status: u16) -> Self {
        Self(self.0.http_status(status))
    }

    /// Adds a header to the answer over HTTP: see [`ActionError::http_header`].
    #[must_use]
    pub fn http_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(self.0.http_header(name, value))
    }

    /// Returns the errors; at least one.
    pub fn errors(&self) -> &[WireError] {
        self.0.errors()
    }

    #[doc(hidden)]
    pub fn into_action_error(self) -> ActionError {
        self.0
    }
}

impl From<Vec<WireError>> for JobError {
    fn from(errors: Vec<WireError>) -> Self {
        Self(ActionError::from_errors(errors))
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

crate::debug_as_text!(JobError);
