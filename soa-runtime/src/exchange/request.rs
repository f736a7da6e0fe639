//! The request of a call.

use std::time::Duration;

use super::sent::Sent;
use crate::descriptor::ServiceDescriptor;
use crate::message::{JobRequest, Name};

/// A call on its way through client middleware to the transport. Middleware that tries again clones it.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::ClientRequest;
/// use soa::transport::ClientTransport;
/// use soa::{ContextHeader, Control, JobRequest, LocalTransport, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = LocalTransport::new(Server::untyped("tools", "1.0.0").build()?);
/// let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![]);
/// let response = transport.call(ClientRequest::new("tools", job)).await?;
/// assert_eq!(response.errors[0].field.as_deref(), Some("actions"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientRequest {
    /// The service that is called.
    pub service: Name,
    /// The job that is sent.
    pub job: JobRequest,
    /// The timeout of the caller; `None` leaves it to the transport.
    pub timeout: Option<Duration>,
    /// The descriptor of the service, if a typed caller knows it: positions, types and routes for transports that need them.
    pub descriptor: Option<&'static ServiceDescriptor>,
    /// True if the call itself sets switches or values of its context, or calls a variant. A transport to a server that ignores
    /// contexts refuses it. What comes from the caller of the caller is ignored there, as by a service that does not know it.
    pub sets_context: bool,
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
            descriptor: None,
            sets_context: false,
            sent: Sent::unwatched(),
        }
    }

    /// Sets the timeout of the caller.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the descriptor of the service.
    #[must_use]
    pub fn described(mut self, descriptor: &'static ServiceDescriptor) -> Self {
        self.descriptor = Some(descriptor);
        self
    }
}
