//! How jobs get from clients to servers and answers back.
//!
//! A [`ClientTransport`] carries one service's jobs: as messages over a queue, or straight to a server
//! in the same process ([`LocalTransport`]). A [`ServerTransport`] is where a server's run loop takes
//! frames from and gives frames back to; [`LocalQueue`] is one in memory.
//!
//! The traits are small and know no client library, so implementations can change freely.

mod local;
mod queue;

use std::fmt;

use bytes::Bytes;

pub use local::LocalTransport;
pub use queue::LocalQueue;

use crate::BoxFuture;
use crate::client::ClientRequest;
use crate::codec::Encoding;
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::message::JobResponse;

/// Carries the jobs of a client to one service.
pub trait ClientTransport: Send + Sync + 'static {
    /// The encoding in which bodies have to be; MessagePack unless told otherwise.
    fn encoding(&self) -> Encoding {
        Encoding::MessagePack
    }

    /// Sends a job, calls [`Sent::mark`](crate::client::Sent::mark) on `request.sent`, and waits for the
    /// response. The future must not be cancelled by itself when it takes long: the caller's timeout
    /// drops it.
    ///
    /// A job with `control.suppress_response` is answered with an empty response as soon as it is sent.
    fn call(&self, request: ClientRequest) -> BoxFuture<Result<JobResponse, TransportError>>;
}

/// Where a server's run loop takes requests from, and gives responses to.
pub trait ServerTransport: Send + Sync + 'static {
    /// Waits for requests and returns at least one and at most `limit` of them: whole frames, as the
    /// protocol has them.
    ///
    /// It must be safe to drop the future at any time without losing a frame.
    ///
    /// # Errors
    /// [`TransportErrorKind::Closed`] ends the run loop; after any other error it goes on.
    fn receive(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Bytes>, TransportError>> + Send;

    /// Sends the response of one request.
    ///
    /// # Errors
    /// A response that could not be sent is logged by the run loop.
    fn respond(
        &self,
        reply: Reply,
    ) -> impl Future<Output = Result<(), TransportError>> + Send;
}

/// A response on its way back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// Where the request wants its response: the `reply_to` of its meta.
    pub reply_to: String,
    /// The frame to put there.
    pub frame: Bytes,
}

impl Reply {
    pub(crate) fn new(reply_to: String, frame: Bytes) -> Self {
        Self { reply_to, frame }
    }
}

/// Stands for a service that could not be built, and says so in every call.
#[derive(Debug)]
pub(crate) struct Misconfigured(BuildError);

impl Misconfigured {
    pub(crate) fn new(error: BuildError) -> Self {
        Self(error)
    }
}

impl ClientTransport for Misconfigured {
    fn call(&self, _: ClientRequest) -> BoxFuture<Result<JobResponse, TransportError>> {
        let error = TransportError::new(TransportErrorKind::Misconfigured, self.0.to_string())
            .with_source(self.0.clone());
        Box::pin(async move { Err(error) })
    }
}

impl fmt::Debug for dyn ClientTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTransport")
    }
}
