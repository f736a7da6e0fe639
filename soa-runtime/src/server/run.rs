//! The run loop: takes requests from a transport for as long as there are any.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Server;
use crate::error::TransportErrorKind;
use crate::transport::ServerTransport;

/// At most this many requests are taken from the transport at once: more would wait here while another
/// worker is idle.
const BATCH: usize = 32;

/// How long the loop rests after the transport failed.
const REST: std::time::Duration = std::time::Duration::from_millis(100);

impl Server {
    /// Serves requests from a transport until it is closed, then waits for the jobs that still run.
    ///
    /// A request is only taken when it can be started at once: up to
    /// [`concurrency`](super::ServerBuilder::concurrency) jobs run side by side, each in a task of its
    /// own. A handler's failure ends its job and nothing else.
    pub async fn run(&self, transport: impl ServerTransport) {
        let transport = Arc::new(transport);
        let limits = transport.limits();
        let limit = self.shared.concurrency;
        let permits = Arc::new(Semaphore::new(limit));
        loop {
            let Ok(first) = Arc::clone(&permits).acquire_owned().await else {
                return; // The semaphore is never closed.
            };
            let wanted = BATCH.min(1 + permits.available_permits());
            let frames = match transport.receive(wanted).await {
                Ok(frames) => frames,
                Err(error) if error.kind() == TransportErrorKind::Closed => break,
                Err(error) => {
                    tracing::error!(service = self.name(), %error, "receiving failed");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            let mut permit = Some(first);
            for frame in frames {
                // Only this loop takes permits, so the ones that were free still are.
                let permit = match permit.take() {
                    Some(permit) => Ok(permit),
                    None => Arc::clone(&permits).acquire_owned().await,
                };
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
        // Every permit back means every job done. Bounded by what `Semaphore` can hold.
        let all = u32::try_from(limit).unwrap_or(u32::MAX);
        let _ = permits.acquire_many(all).await;
        transport.flush().await;
    }
}
