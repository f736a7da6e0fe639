//! The future of a reply, which its caller may give up.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::BoxFuture;
use crate::error::{TransportError, TransportErrorKind};
use crate::lifetime::Lifetime;
use crate::message::JobResponse;

/// The future of a reply.
///
/// It is dropped when the caller gives up. What has to go on all the same, [detaches](Self::detaching).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::ClientRequest;
/// use soa::transport::{ClientTransport, ReplyFuture};
/// use soa::{TransportError, TransportErrorKind};
///
/// /// A transport to nowhere.
/// struct Unplugged;
///
/// impl ClientTransport for Unplugged {
///     fn call(&self, _: ClientRequest) -> ReplyFuture {
///         let error = TransportError::new(TransportErrorKind::Closed, "unplugged");
///         ReplyFuture::ready(Err(error))
///     }
/// }
/// ```
pub struct ReplyFuture {
    future: Option<BoxFuture<Result<JobResponse, TransportError>>>,
    is_detaching: bool,
    is_started: bool,
    /// The lifetime of the job, which is told when its caller gives up.
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
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::JobResponse;
    /// use soa::transport::ReplyFuture;
    ///
    /// let reply = ReplyFuture::detaching(async {
    ///     tokio::time::sleep(Duration::from_secs(1)).await;
    ///     println!("done, even if the caller is gone");
    ///     Ok(JobResponse::default())
    /// });
    /// ```
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
