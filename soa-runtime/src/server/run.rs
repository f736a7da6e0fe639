//! The run loop: takes requests from a transport for as long as there are any.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Server;
use crate::error::TransportErrorKind;
use crate::transport::ServerTransport;

/// At most this many requests are taken from the transport at once: more would wait here while another
/// worker is idle.
const BATCH: usize = 32;

/// How long the end waits for responses that cannot be sent yet: the callers do not read.
const FLUSH: std::time::Duration = std::time::Duration::from_secs(10);

/// How long the loop rests after the transport failed.
const REST: std::time::Duration = std::time::Duration::from_millis(100);

impl Server {
    /// Serves requests from a transport until it is closed, then waits for the jobs that still run.
    ///
    /// A request is only taken when it can be started at once: up to
    /// [`concurrency`](super::ServerBuilder::concurrency) jobs run side by side, each in a task of its
    /// own. A handler's failure ends its job and nothing else.
    ///
    /// Dropping this future stops the taking. What was taken goes on in its tasks, as long as the runtime
    /// does.
    pub async fn run(&self, transport: impl ServerTransport) {
        // In a task of its own, which ends with the set. To wake what a runtime blocks on takes a system call and,
        // with several threads, a change of thread, for every request.
        let mut task = JoinSet::new();
        task.spawn(self.clone().take(transport));
        if let Some(Err(error)) = task.join_next().await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }

    async fn take(self, transport: impl ServerTransport) {
        let transport = Arc::new(transport);
        let limits = transport.limits();
        let limit = self.shared.concurrency;
        let permits = Arc::new(Semaphore::new(limit));
        loop {
            let Ok(mut free) = Arc::clone(&permits).acquire_owned().await else {
                return; // The semaphore is never closed.
            };
            // All permits before the requests: nothing is awaited between receiving and starting, so nothing
            // that was taken is lost when this future is dropped.
            let more = permits.available_permits().min(BATCH - 1);
            if let Ok(more) = Arc::clone(&permits).try_acquire_many_owned(narrow(more)) {
                free.merge(more);
            }
            let frames = match transport.receive(free.num_permits()).await {
                Ok(frames) if !frames.is_empty() => frames,
                Ok(_) => {
                    // The transport breaks its contract; do not spin.
                    tokio::time::sleep(REST).await;
                    continue;
                }
                Err(error) if error.kind() == TransportErrorKind::Closed => break,
                Err(error) => {
                    tracing::error!(service = self.name(), %error, "receiving failed");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            for frame in frames {
                // One permit a frame; a transport that gives more than it was asked for gets away with it.
                let permit = free.split(1);
                let (server, transport) = (self.clone(), Arc::clone(&transport));
                tokio::spawn(async move {
                    if let Some(reply) = server.answer_within(frame, limits).await
                        && let Err(error) = transport.respond(reply).await
                    {
                        tracing::error!(service = server.name(), %error, "responding failed");
                    }
                    drop(permit);
                });
            }
        }
        // Every permit back means every job done.
        let _ = permits.acquire_many(narrow(limit)).await;
        if tokio::time::timeout(FLUSH, transport.flush())
            .await
            .is_err()
        {
            let service = self.name();
            tracing::warn!(
                service,
                "stopped with responses that their callers have no room for"
            );
        }
    }
}

/// A number of permits, which the builder keeps below `u32::MAX`.
fn narrow(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
