//! The transport in the same process: a service is a transport.
//!
//! Bodies are encoded and decoded as over a network, so a call that works here works there. Frames and queues are left
//! out, so it costs no task and no hop.
//!
//! The job runs inside the caller's future for as long as the caller polls it. A caller that gives up
//! does not take a started job down with it: the rest of it moves to a task of its own, as it would go
//! on in another process.

use std::sync::Arc;

use futures_util::FutureExt;

use super::handle::Server;
use super::into_server::IntoServer;
use crate::error::BuildError;
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

impl Server {
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
