//! The server side of a transport.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::limits::MessageLimits;
use crate::error::TransportError;
#[cfg(doc)]
use crate::error::TransportErrorKind;

/// Brings requests to the run loop of a server, and takes its responses.
///
/// A transport between two channels:
///
/// ```
/// # use soa_runtime as soa;
/// use bytes::Bytes;
/// use soa::transport::{Reply, ServerTransport};
/// use soa::{ActionError, Context, Server, TransportError, TransportErrorKind, Value};
/// use tokio::sync::{Mutex, mpsc};
///
/// struct Channels {
///     requests: Mutex<mpsc::Receiver<Bytes>>,
///     responses: mpsc::Sender<Bytes>,
/// }
///
/// impl ServerTransport for Channels {
///     async fn receive(&self, _limit: usize) -> Result<Vec<Bytes>, TransportError> {
///         match self.requests.lock().await.recv().await {
///             Some(frame) => Ok(vec![frame]),
///             None => Err(TransportError::new(TransportErrorKind::Closed, "all senders are gone")),
///         }
///     }
///
///     fn close(&self) {
///         // The run loop ends when the last sender of requests is dropped.
///     }
///
///     async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
///         let sent = self.responses.send(reply.frame).await;
///         sent.map_err(|_| TransportError::new(TransportErrorKind::Closed, "the caller is gone"))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (send, requests) = mpsc::channel(8);
/// let (responses, mut receive) = mpsc::channel(8);
/// let server = Server::untyped("echo", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
///     .build()?;
/// # use soa::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, wire};
/// # let echo = ActionRequest::new("echo", Body::empty(Encoding::MessagePack));
/// # let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![echo]);
/// # let frame = wire::write_request(wire::ProtocolVersion::V3, Encoding::MessagePack, 1, "service.echo.1!", std::time::Duration::from_secs(5), &job)?;
/// send.send(frame).await?;
/// drop(send);
/// server.run(Channels { requests: Mutex::new(requests), responses }).await?;
/// assert!(receive.recv().await.is_some());
/// # Ok(()) }
/// ```
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

    /// Returns when the transport waits for requests: from then on the service can be called. A transport becomes ready
    /// after [`receive`](Self::receive) was called.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Stops taking requests. [`receive`](Self::receive) returns those that were taken already, and then
    /// [`TransportErrorKind::Closed`], also to a call that waits.
    fn close(&self);

    /// Sends the response of one request, or accepts it to be sent together with others; see
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    /// A response that could not be sent is logged by the run loop.
    fn respond(&self, reply: Reply) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// Waits until the responses that were accepted are sent, or are known to be lost. The run loop calls it
    /// once, at its end.
    fn flush(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Returns the limits of the size of responses.
    fn limits(&self) -> MessageLimits {
        MessageLimits::default()
    }
}

impl<T: ServerTransport> ServerTransport for Arc<T> {
    fn receive(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Bytes>, TransportError>> + Send {
        T::receive(self, limit)
    }

    fn ready(&self) -> impl Future<Output = ()> + Send {
        T::ready(self)
    }

    fn close(&self) {
        T::close(self);
    }

    fn respond(&self, reply: Reply) -> impl Future<Output = Result<(), TransportError>> + Send {
        T::respond(self, reply)
    }

    fn flush(&self) -> impl Future<Output = ()> + Send {
        T::flush(self)
    }

    fn limits(&self) -> MessageLimits {
        T::limits(self)
    }
}

/// A response on its way back.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::transport::Reply;
///
/// fn is_late(reply: &Reply) -> bool {
///     reply.left == Some(Duration::ZERO)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The address of the response: the `reply_to` in the meta map of the request.
    pub reply_to: String,
    /// The frame to send.
    pub frame: Bytes,
    /// The time until the caller stops waiting, if the request tells. Later the response need not be sent.
    pub left: Option<Duration>,
}

impl Reply {
    pub(crate) fn new(reply_to: String, frame: Bytes, left: Option<Duration>) -> Self {
        Self {
            reply_to,
            frame,
            left,
        }
    }
}
