//! How jobs get from clients to servers and answers back.
//!
//! A [`ClientTransport`] carries one service's jobs: as messages over a queue, or straight to a server
//! in the same process ([`LocalTransport`](crate::server::LocalTransport)). A [`ServerTransport`] is where a server's run loop takes
//! frames from and gives frames back to; [`LocalQueue`] is one in memory. Over Redis these are
//! [`RedisClientTransport`] and [`RedisServerTransport`].
//!
//! The traits are small and know no client library, so implementations can change freely.

mod queue;
#[cfg(feature = "redis")]
mod redis;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

pub use queue::LocalQueue;
#[cfg(feature = "redis")]
pub use redis::{
    RedisClientTransport, RedisConnection, RedisMode, RedisServerTransport, RedisSettings,
    SentinelSettings, TlsSettings,
};
#[cfg(feature = "redis")]
#[doc(hidden)] // For the crates of the framework, see `RedisConnection::keys`.
pub use redis::{RedisKeys, RedisScript, RedisValue};

use crate::BoxFuture;
use crate::codec::Encoding;
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;
use crate::lifetime::Lifetime;
use crate::message::JobResponse;
use crate::wire::{FrameHead, ProtocolVersion, payload_size};

/// Carries the jobs of a client to one service.
pub trait ClientTransport: Send + Sync + 'static {
    /// The encoding in which bodies have to be; MessagePack unless told otherwise.
    fn encoding(&self) -> Encoding {
        Encoding::MessagePack
    }

    /// How long a call waits that has no timeout of its own; `None` for as long as it takes.
    fn default_timeout(&self) -> Option<Duration> {
        None
    }

    /// What was wrong within this time, or still is, so that answers may not have come: what a call is told that had
    /// none. Nothing unless told otherwise.
    fn trouble(&self, within: Duration) -> Option<TransportError> {
        let _ = within;
        None
    }

    /// Sends a job, calls [`Sent::mark`](crate::exchange::Sent::mark) on `request.sent`, and waits for the
    /// response, for as long as the future is polled: a caller with a timeout drops it.
    ///
    /// A job with `control.suppress_response` is answered with an empty response as soon as it is sent.
    fn call(&self, request: ClientRequest) -> ReplyFuture;
}

/// The future of a reply.
///
/// It is dropped when the caller gives up. What has to go on all the same, [detaches](Self::detaching).
pub struct ReplyFuture {
    future: Option<BoxFuture<Result<JobResponse, TransportError>>>,
    is_detaching: bool,
    is_started: bool,
    /// Of the job behind it, which is told when its caller gives up.
    lifetime: Option<Arc<Lifetime>>,
}

impl ReplyFuture {
    /// A reply that is given up together with the caller.
    pub fn new(
        future: impl Future<Output = Result<JobResponse, TransportError>> + Send + 'static,
    ) -> Self {
        Self {
            future: Some(Box::pin(future)),
            is_detaching: false,
            is_started: false,
            lifetime: None,
        }
    }

    /// A reply whose work, once it was started, goes on in a task of its own when the caller gives up.
    pub fn detaching(
        future: impl Future<Output = Result<JobResponse, TransportError>> + Send + 'static,
    ) -> Self {
        let mut reply = Self::new(future);
        reply.is_detaching = true;
        reply
    }

    /// The same for a job in this process.
    pub(crate) fn of_job(
        future: impl Future<Output = Result<JobResponse, TransportError>> + Send + 'static,
        lifetime: Arc<Lifetime>,
    ) -> Self {
        let mut reply = Self::detaching(future);
        reply.lifetime = Some(lifetime);
        reply
    }

    /// A reply that is there already.
    pub fn ready(reply: Result<JobResponse, TransportError>) -> Self {
        Self::new(std::future::ready(reply))
    }

    /// Goes on without the caller. Without a runtime there is nobody to go on with it: then it ends here.
    pub(crate) fn detach(&mut self) {
        if let Some(future) = self.future.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(future);
        }
    }
}

impl Future for ReplyFuture {
    type Output = Result<JobResponse, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.is_started = true;
        let Some(future) = &mut self.future else {
            let message = "the reply was taken already";
            let error = TransportError::new(TransportErrorKind::Closed, message);
            return Poll::Ready(Err(error));
        };
        let reply = std::task::ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(reply)
    }
}

impl Drop for ReplyFuture {
    fn drop(&mut self) {
        // While a thread unwinds, the work itself may be what panicked.
        let goes_on = self.is_detaching && self.is_started && self.future.is_some();
        if goes_on && !std::thread::panicking() {
            if let Some(lifetime) = &self.lifetime {
                lifetime.abandon();
            }
            self.detach();
        }
    }
}

impl fmt::Debug for ReplyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyFuture")
            .field("is_detaching", &self.is_detaching)
            .finish_non_exhaustive()
    }
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

    /// Waits until requests are waited for: a service that says now that it is there can be called. Only one that is
    /// [received](Self::receive) from has to become ready.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Takes no further requests. [`receive`](Self::receive) gives those that were taken already, and then
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

    /// How large a response may be.
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

/// Limits of the size of messages, in bytes of the payload, without the head of its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// Larger ones are not sent; `None` for any size.
    pub maximum: Option<usize>,
    /// Larger ones are logged; `None` for none.
    pub logged: Option<usize>,
    /// Larger ones are cut into pieces of so many bytes, which takes a client of version 3; `None` for never.
    pub chunked: Option<usize>,
}

impl MessageLimits {
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn new(maximum: usize, logged: usize) -> Self {
        let some = |size| (size > 0).then_some(size);
        Self {
            maximum: some(maximum),
            logged: some(logged),
            chunked: None,
        }
    }

    /// The same, with larger ones cut into pieces.
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn chunked(mut self, size: Option<usize>) -> Self {
        self.chunked = size;
        self
    }

    /// Compares a frame with the limits. It counts the payload alone, and whoever gets a frame of version 3 can put pieces
    /// together.
    pub(crate) fn fit(self, frame: &[u8]) -> Fit {
        let is_over = |size: usize, limit: Option<usize>| limit.is_some_and(|limit| size > limit);
        let limits = [self.maximum, self.logged, self.chunked];
        // Few frames are so large that their head has to be read again.
        if !limits.iter().any(|limit| is_over(frame.len(), *limit)) {
            return Fit::Small;
        }
        let size = payload_size(frame);
        let is_cut = is_over(size, self.chunked);
        let reads_pieces =
            || FrameHead::read(frame).is_ok_and(|head| head.version() == ProtocolVersion::V3);
        if is_over(size, self.maximum) || is_cut && !reads_pieces() {
            Fit::TooLarge(size)
        } else if is_over(size, self.logged) {
            Fit::Large(size)
        } else {
            Fit::Small
        }
    }
}

/// The size of a frame's payload beside the limits. It says what may be done with the frame, and does none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It may be sent.
    Small,
    /// It may be sent, and its size is logged.
    Large(usize),
    /// It may not be sent.
    TooLarge(usize),
}

/// A response on its way back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// Where the request wants its response: the `reply_to` of its meta.
    pub reply_to: String,
    /// The frame to put there.
    pub frame: Bytes,
    /// For how long somebody waits for it, where the request tells: later it need not be sent.
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

/// The transport of a service in this process, made of the service: what typed clients are
/// [made of](crate::client::ServiceClient::local).
pub trait IntoTransport {
    /// Makes the transport.
    ///
    /// # Errors
    /// The service cannot be served.
    fn into_transport(self) -> Result<Arc<dyn ClientTransport>, BuildError>;
}

/// Stands for a service that could not be built, and says so in every call.
#[derive(Debug)]
#[doc(hidden)]
pub struct Misconfigured(BuildError);

impl Misconfigured {
    #[doc(hidden)]
    pub fn new(error: BuildError) -> Self {
        Self(error)
    }
}

impl ClientTransport for Misconfigured {
    fn call(&self, _: ClientRequest) -> ReplyFuture {
        let error = TransportError::new(TransportErrorKind::Misconfigured, self.0.to_string());
        ReplyFuture::ready(Err(error))
    }
}

impl fmt::Debug for dyn ClientTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTransport")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_the_payload_and_only_version_three_is_cut() {
        let frame = |head: &str, size: usize| [head.as_bytes(), &vec![b'x'; size]].concat();
        let limits = MessageLimits::new(300, 100);
        let v2 = |size| frame("content-type:application/msgpack;", size);
        assert_eq!(limits.fit(&v2(100)), Fit::Small);
        assert_eq!(limits.fit(&v2(101)), Fit::Large(101));
        assert_eq!(limits.fit(&v2(300)), Fit::Large(300));
        assert_eq!(limits.fit(&v2(301)), Fit::TooLarge(301));
        let limits = limits.chunked(Some(200));
        let v3 = |size| frame("pysoa-redis/3//content-type:application/msgpack;", size);
        assert_eq!(limits.fit(&v3(201)), Fit::Large(201));
        assert_eq!(limits.fit(&v2(201)), Fit::TooLarge(201));
        assert_eq!(MessageLimits::default().fit(&v2(1_000_000)), Fit::Small);
    }
}
