//! The request of a call.

use std::time::Duration;

use super::sent::Sent;
use crate::message::{JobRequest, Name};

/// A call on its way through client middleware to the transport. Middleware that tries again clones it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientRequest {
    /// The service that is called.
    pub service: Name,
    /// The job that is sent.
    pub job: JobRequest,
    /// How long the caller waits; `None` leaves it to the transport.
    pub timeout: Option<Duration>,
    /// The transport says here that the request is on its way.
    pub sent: Sent,
}

impl ClientRequest {
    /// A request that no client has made, as tests of middleware and of transports need it. Nobody watches whether it
    /// was sent.
    pub fn new(service: impl Into<Name>, job: JobRequest) -> Self {
        Self {
            service: service.into(),
            job,
            timeout: None,
            sent: Sent::unwatched(),
        }
    }

    /// The same, of a caller that waits for so long.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
