//! The server side of a transport.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::delivery::Promise;
#[cfg(doc)]
use super::hold::Hold;
use super::hold::{Received, Reply};
use super::limits::MessageLimits;
use crate::BoxFuture;
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
/// use soa::transport::{Received, Reply, ServerTransport};
/// use soa::{ActionError, Context, Server, TransportError, TransportErrorKind, Value};
/// use tokio::sync::{Mutex, mpsc};
///
/// struct Channels {
///     requests: Mutex<mpsc::Receiver<Bytes>>,
///     responses: mpsc::Sender<Bytes>,
/// }
///
/// impl ServerTransport for Channels {
///     async fn receive(&self, _limit: usize) -> Result<Vec<Received>, TransportError> {
///         match self.requests.lock().await.recv().await {
///             Some(frame) => Ok(vec![frame.into()]),
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
/// # let (version, expiry) = (wire::ProtocolVersion::V3, std::time::Duration::from_secs(5));
/// # let frame = wire::write_request(version, Encoding::MessagePack, 1, "service.echo.1!", expiry, &job)?;
/// send.send(frame).await?;
/// drop(send);
/// server.run(Channels { requests: Mutex::new(requests), responses }).await?;
/// assert!(receive.recv().await.is_some());
/// # Ok(()) }
/// ```
pub trait ServerTransport: Send + Sync + 'static {
    /// Takes note of what the server promises about its jobs. The run loop calls it once, before it asks for requests. A
    /// transport that can [hold](Hold) requests decides by it whether it does.
    ///
    /// # Errors
    /// The transport cannot keep the promise, so the server must not start.
    fn prepare(&self, promise: Promise) -> impl Future<Output = Result<(), TransportError>> + Send {
        let _ = promise;
        std::future::ready(Ok(()))
    }

    /// Waits for requests and returns at least one and at most `limit` of them: whole frames, as the
    /// protocol has them. `limit` is the number of jobs that can be started at once. A transport with several servers takes
    /// fewer, so that none of them holds what another one could start.
    ///
    /// It must be safe to drop the future at any time without losing a frame.
    ///
    /// # Errors
    /// [`TransportErrorKind::Closed`] ends the run loop; after any other error it goes on.
    fn receive(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Received>, TransportError>> + Send;

    /// Returns when the transport waits for requests: from then on the service can be called. A transport becomes ready
    /// after [`receive`](Self::receive) was called.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Stops taking requests. [`receive`](Self::receive) returns those that were taken already, and then
    /// [`TransportErrorKind::Closed`], also to a call that waits. Requests that are held may go back in place of being
    /// returned.
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

    /// Returns the number of responses that were accepted and then lost, or that are not sent yet. The run loop asks after
    /// [`flush`](Self::flush).
    fn lost(&self) -> u64 {
        0
    }

    /// Returns the limits of the size of responses.
    fn limits(&self) -> MessageLimits {
        MessageLimits::default()
    }

    /// Returns the state of the queue. The run loop refuses requests that have waited too long for anybody to take their
    /// responses, as far as this tells.
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    /// Returns false if a response to this address could not be sent at present. The run loop does not start such a job, and
    /// sends an error in its place, which waits.
    fn takes_responses(&self, reply_to: &str) -> bool {
        let _ = reply_to;
        true
    }

    /// Takes note of the age of the queue: the time since a request was sent that was just taken.
    fn note_age(&self, age: Duration) {
        let _ = age;
    }

    /// Returns the keeper of the records of workers, if the transport has a place for them.
    #[doc(hidden)]
    fn records(&self) -> Option<Arc<dyn RecordKeeper>> {
        None
    }
}

/// The answer to a record.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// True if the workers of the service are paused: the transport brings no more requests then.
    pub is_paused: bool,
    /// The order of a watcher, if there is one.
    pub watch: Option<Bytes>,
}

/// Keeps the records that workers tell about themselves.
#[doc(hidden)]
pub trait RecordKeeper: Send + Sync {
    /// Keeps the record of a worker in place of its last one.
    fn tell(&self, worker: &str, record: Bytes) -> BoxFuture<Told>;

    /// Brings samples to the watcher with this id.
    fn sampled(&self, watcher: &str, samples: Vec<Bytes>) -> BoxFuture<()>;

    /// Removes the record of a worker that ends.
    fn forget(&self, worker: &str) -> BoxFuture<()>;
}

impl<T: ServerTransport> ServerTransport for Arc<T> {
    fn prepare(&self, promise: Promise) -> impl Future<Output = Result<(), TransportError>> + Send {
        T::prepare(self, promise)
    }

    fn receive(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Received>, TransportError>> + Send {
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

    fn lost(&self) -> u64 {
        T::lost(self)
    }

    fn limits(&self) -> MessageLimits {
        T::limits(self)
    }

    fn backlog(&self) -> Backlog {
        T::backlog(self)
    }

    fn takes_responses(&self, reply_to: &str) -> bool {
        T::takes_responses(self, reply_to)
    }

    fn note_age(&self, age: Duration) {
        T::note_age(self, age);
    }

    fn records(&self) -> Option<Arc<dyn RecordKeeper>> {
        T::records(self)
    }
}

/// The state of a queue.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::transport::{Backlog, LocalQueue, ServerTransport};
///
/// // A transport that does not tell has no backlog.
/// assert_eq!(LocalQueue::new().backlog(), Backlog::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// The time for which requests have been waiting without a break: the time since the queue was last known to be empty.
    pub standing: Duration,
    /// The time for which callers wait that do not tell it; `None` for any time.
    pub patience: Option<Duration>,
    /// The time that it takes to ask for requests. If it is long, the run loop asks for many at once.
    pub round_trip: Duration,
}
