//! The answer of a stub: a response, errors, or nothing, now or after a delay.

use std::fmt;
use std::time::Duration;

use crate::error::{ActionError, TransportErrorKind};
use crate::message::WireError;

/// The answer of a stub to one call.
///
/// ```
/// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
/// use std::time::Duration;
///
/// use soa::testing::Answer;
/// use soa::{ActionError, Value, value};
///
/// let book: Answer<Value> = Answer::body(value!({ "title": "Emma" }));
/// let late = book.clone().after(Duration::from_secs(2));
/// let none: Answer<Value> = Answer::errors(ActionError::caller("NOT_FOUND", "No such book"));
/// ```
#[derive(Clone)]
pub struct Answer<Resp> {
    pub(super) outcome: Outcome<Resp>,
    pub(super) delay: Option<Duration>,
}

#[derive(Clone)]
pub(super) enum Outcome<Resp> {
    Body(Resp),
    Errors {
        errors: Vec<WireError>,
        end_job: bool,
    },
    Lost(TransportErrorKind),
}

impl<Resp> Answer<Resp> {
    fn new(outcome: Outcome<Resp>) -> Self {
        Self {
            outcome,
            delay: None,
        }
    }

    /// Answers with this response.
    pub fn body(response: Resp) -> Self {
        Self::new(Outcome::Body(response))
    }

    /// Answers with these errors of the action; of the whole job, for [`ActionError::job`].
    pub fn errors(error: impl Into<ActionError>) -> Self {
        let error = error.into();
        let end_job = error.ends_job();
        let errors = error.into_errors();
        Self::new(Outcome::Errors { errors, end_job })
    }

    /// Loses the call: it fails in the transport.
    pub fn lost(kind: TransportErrorKind) -> Self {
        Self::new(Outcome::Lost(kind))
    }

    /// Delays the answer. With tokio's time paused, the test does not really wait.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }
}

impl<Resp> From<Result<Resp, ActionError>> for Answer<Resp> {
    fn from(result: Result<Resp, ActionError>) -> Self {
        match result {
            Ok(response) => Self::body(response),
            Err(error) => Self::errors(error),
        }
    }
}

impl<Resp: fmt::Debug> fmt::Debug for Answer<Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answer");
        match &self.outcome {
            Outcome::Body(body) => shown.field("body", body),
            Outcome::Errors { errors, .. } => shown.field("errors", errors),
            Outcome::Lost(kind) => shown.field("lost", kind),
        };
        shown.field("delay", &self.delay).finish()
    }
}
