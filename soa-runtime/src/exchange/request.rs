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
    /// The timeout of the caller; `None` leaves it to the transport.
    pub timeout: Option<Duration>,
    /// The mark that the transport sets when the request is on its way.
    pub sent: Sent,
}

impl ClientRequest {
    /// Returns a request that no client has made, for tests of middleware and of transports. Its mark is not watched.
    pub fn new(service: impl Into<Name>, job: JobRequest) -> Self {
        Self {
            service: service.into(),
            job,
            timeout: None,
            sent: Sent::unwatched(),
        }
    }

    /// Sets the timeout of the caller.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
