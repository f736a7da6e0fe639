//! Calling a server in the same process: a service is a transport.
//!
//! Bodies are encoded and decoded as over a network, so what works here works there; frames and
//! queues are left out, so it costs no task and no hop.
//!
//! The job runs inside the caller's future for as long as the caller polls it. A caller that gives up
//! does not take a started job down with it: the rest of it moves to a task of its own, as it would go
//! on in another process.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::BoxFuture;
use crate::client::ClientRequest;
use crate::error::TransportError;
use crate::message::JobResponse;
use crate::server::Server;
use crate::transport::ClientTransport;

/// Carries jobs to a server in the same process.
#[derive(Clone, Debug)]
pub struct LocalTransport {
    server: Server,
}

impl LocalTransport {
    /// A transport to this server.
    pub fn new(server: Server) -> Self {
        Self { server }
    }
}

impl ClientTransport for LocalTransport {
    fn call(&self, request: ClientRequest) -> BoxFuture<Result<JobResponse, TransportError>> {
        let mut sent = request.sent;
        let is_suppressed = request.job.control.suppress_response == Some(true);
        let mut job = Detaching::new(self.server.execute(request.job));
        Box::pin(async move {
            if is_suppressed {
                job.detach();
                sent.mark();
                return Ok(JobResponse::default());
            }
            sent.mark();
            Ok(job.await)
        })
    }
}

/// A future that goes on by itself when it is dropped half-way.
struct Detaching {
    job: Option<BoxFuture<JobResponse>>,
    started: bool,
}

impl Detaching {
    fn new(job: impl Future<Output = JobResponse> + Send + 'static) -> Self {
        Self {
            job: Some(Box::pin(job)),
            started: false,
        }
    }

    /// Without a runtime there is nobody to go on with it: then it ends here.
    fn detach(&mut self) {
        if let (Some(job), Ok(runtime)) =
            (self.job.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(job);
        }
    }
}

impl Future for Detaching {
    type Output = JobResponse;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<JobResponse> {
        self.started = true;
        let Some(job) = &mut self.job else {
            return Poll::Pending;
        };
        let response = std::task::ready!(job.as_mut().poll(cx));
        self.job = None;
        Poll::Ready(response)
    }
}

impl Drop for Detaching {
    fn drop(&mut self) {
        // While a thread unwinds, the job itself may be what panicked.
        if self.started && !std::thread::panicking() {
            self.detach();
        }
    }
}
