//! The transport in the same process: a service is a transport.
//!
//! Bodies are encoded and decoded as over a network, so a call that works here works there. Frames and queues are left
//! out, so it costs no task and no hop.
//!
//! The job runs inside the caller's future for as long as the caller polls it. A caller that gives up
//! does not take a started job down with it: the rest of it moves to a task of its own, as it would go
//! on in another process.

use std::sync::{Arc, Weak};

use futures_util::FutureExt;

use super::handle::{Server, ServerShared};
use super::into_server::IntoServer;
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;
use crate::lifetime::Signal;
use crate::message::{JobRequest, JobResponse};
use crate::transport::{ClientTransport, IntoTransport, ReplyFuture};

/// Carries jobs to a server in the same process.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Client, LocalTransport, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let client = Client::builder().service("tools", LocalTransport::new(server)).build()?;
/// let status = client.call_action("tools", "status", &()).await?;
/// assert_eq!(status.get("version").and_then(|version| version.as_str()), Some("1.0.0"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct LocalTransport {
    server: Server,
}

impl LocalTransport {
    /// Returns a transport to this server.
    pub fn new(server: Server) -> Self {
        Self { server }
    }
}

impl ClientTransport for LocalTransport {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let sent = request.sent;
        let reply = self.server.start(request.job, None, ());
        sent.mark();
        reply
    }
}

/// Carries jobs to a service of the same component. Services that call each other do not keep each other in memory.
struct Neighbour {
    server: Weak<ServerShared>,
}

impl ClientTransport for Neighbour {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        match self.server.upgrade() {
            Some(shared) => LocalTransport::new(Server { shared }).call(request),
            None => ReplyFuture::ready(Err(TransportError::new(
                TransportErrorKind::Closed,
                "the service was in this process, and its component is gone",
            ))),
        }
    }
}

impl Server {
    /// Lets the handlers of these servers call all of them in this process, where their clients have no route. A server
    /// that has neighbours already keeps those.
    pub(crate) fn introduce<'a>(servers: impl Iterator<Item = &'a Self> + Clone) {
        for server in servers.clone() {
            let neighbours = servers.clone().map(|one| {
                let server = Arc::downgrade(&one.shared);
                let transport: Arc<dyn ClientTransport> = Arc::new(Neighbour { server });
                (one.shared.name.clone(), transport)
            });
            let client = || server.shared.client.hosting(neighbours);
            server.shared.client_of_component.get_or_init(client);
        }
    }

    /// Runs a job for a caller of this process. If the caller goes away, a started job is finished in a task of its own. The
    /// guard is dropped when the job is done.
    pub(super) fn start(
        &self,
        job: JobRequest,
        stop: Option<Arc<Signal>>,
        guard: impl Send + 'static,
    ) -> ReplyFuture {
        let is_suppressed = job.control.suppress_response == Some(true);
        let lifetime = self.lifetime(&job, stop);
        let running = self.execute_within(job, Arc::clone(&lifetime));
        let mut reply = ReplyFuture::of_job(
            running.map(move |response| {
                drop(guard);
                Ok(response)
            }),
            lifetime,
        );
        if is_suppressed {
            reply.detach();
            reply = ReplyFuture::ready(Ok(JobResponse::default()));
        }
        reply
    }
}

impl<S: IntoServer> IntoTransport for S {
    fn into_transport(self) -> Result<Arc<dyn ClientTransport>, BuildError> {
        Ok(Arc::new(LocalTransport::new(self.into_server()?)))
    }
}
