//! The client side of a transport.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::reply::ReplyFuture;
use crate::codec::Encoding;
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;

/// Carries the jobs of a client to one service.
///
/// A transport that notes each job before another transport carries it:
///
/// ```
/// # use soa_runtime as soa;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use soa::client::ClientRequest;
/// use soa::transport::{ClientTransport, ReplyFuture};
/// use soa::{ActionError, Client, Context, LocalTransport, Server, Value, value};
///
/// struct Counted<T> {
///     inner: T,
///     jobs: Arc<AtomicUsize>,
/// }
///
/// impl<T: ClientTransport> ClientTransport for Counted<T> {
///     fn call(&self, request: ClientRequest) -> ReplyFuture {
///         self.jobs.fetch_add(1, Ordering::Relaxed);
///         self.inner.call(request)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("echo", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
///     .build()?;
/// let jobs = Arc::new(AtomicUsize::new(0));
/// let transport = Counted { inner: LocalTransport::new(server), jobs: Arc::clone(&jobs) };
/// let client = Client::builder().service("echo", transport).build()?;
/// client.call_action("echo", "echo", &value!({ "n": 1 })).await?;
/// assert_eq!(jobs.load(Ordering::Relaxed), 1);
/// # Ok(()) }
/// ```
pub trait ClientTransport: Send + Sync + 'static {
    /// Returns the encoding that bodies must have; MessagePack by default.
    fn encoding(&self) -> Encoding {
        Encoding::MessagePack
    }

    /// Returns the timeout of calls without a timeout of their own; `None` for no limit.
    fn default_timeout(&self) -> Option<Duration> {
        None
    }

    /// Returns a failure of the transport within this time, as the possible reason why a response did not arrive. A call
    /// that times out has it as its source. None by default.
    fn trouble(&self, within: Duration) -> Option<TransportError> {
        let _ = within;
        None
    }

    /// Returns true if the service can be called with arguments by their positions; false by default. Such a
    /// body has them under the key [`ARGUMENTS`](crate::message::ARGUMENTS), and that of its response the result under
    /// [`RESULT`](crate::message::RESULT).
    fn takes_positions(&self) -> bool {
        false
    }

    /// Sends a job, calls [`Sent::mark`](crate::client::Sent::mark) on `request.sent`, and waits for the response.
    ///
    /// The future waits for as long as it is polled: a caller with a timeout drops it.
    ///
    /// A job with `control.suppress_response` is answered with an empty response as soon as it is sent.
    ///
    /// # Errors
    /// The job could not be sent, or its response was lost. Errors of the job itself are in the response.
    fn call(&self, request: ClientRequest) -> ReplyFuture;
}

impl<T: ClientTransport + ?Sized> ClientTransport for Arc<T> {
    fn encoding(&self) -> Encoding {
        (**self).encoding()
    }

    fn default_timeout(&self) -> Option<Duration> {
        (**self).default_timeout()
    }

    fn trouble(&self, within: Duration) -> Option<TransportError> {
        (**self).trouble(within)
    }

    fn takes_positions(&self) -> bool {
        (**self).takes_positions()
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        (**self).call(request)
    }
}

impl fmt::Debug for dyn ClientTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTransport")
    }
}

/// Conversion of a service in this process into a transport to it, as
/// [`ServiceClient::local`](crate::client::ServiceClient::local) needs it.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::ServiceClient;
/// use soa::transport::IntoTransport;
/// use soa::{BuildError, Server};
///
/// let transport = Server::untyped("tools", "1.0.0").into_transport()?;
/// // Usually as the argument of `local`, of generated clients too.
/// let client = ServiceClient::local(Server::untyped("tools", "1.0.0"), "tools");
/// # Ok::<(), soa::BuildError>(())
/// ```
pub trait IntoTransport {
    /// Makes the transport.
    ///
    /// # Errors
    /// The service cannot be served.
    fn into_transport(self) -> Result<Arc<dyn ClientTransport>, BuildError>;
}

/// Finds components by their names, as [`ClientBuilder::component`](crate::ClientBuilder::component) needs it.
pub trait ComponentSource {
    /// Returns the transport to a component, by this channel or by the usual one. It carries the jobs of all services that
    /// the component offers.
    ///
    /// # Errors
    /// The component cannot be called by the channel.
    fn transport(
        &self,
        component: &str,
        channel: Option<&str>,
    ) -> Result<Arc<dyn ClientTransport>, BuildError>;
}

impl<S: ComponentSource + ?Sized> ComponentSource for &S {
    fn transport(
        &self,
        component: &str,
        channel: Option<&str>,
    ) -> Result<Arc<dyn ClientTransport>, BuildError> {
        (**self).transport(component, channel)
    }
}

/// A transport in place of a service that could not be built: every call fails with the reason.
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
