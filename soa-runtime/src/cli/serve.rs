//! `serve`: takes requests until it is told to stop, and answers what was taken.
//!
//! SIGTERM, or SIGINT as Ctrl-C sends it, ends the taking, as does the watchdog before it ends the process; the jobs
//! that run have `server.shutdown_grace` to end. A second signal ends the process at once.

use std::sync::Arc;

use tokio::sync::Notify;

use super::failure::Failure;
use super::signals::Signals;
use crate::server::Server;
use crate::settings::{Connections, Section, ServerSettings, Settings, TransportSettings};
use crate::transport::{RedisConnection, RedisServerTransport};

/// A server that is about to serve: it can reach what it takes requests from.
pub(super) struct Serving {
    settings: ServerSettings,
    redis: RedisConnection,
    signals: Signals,
}

impl Serving {
    pub(super) async fn prepare<S: Section>(
        settings: &Settings<S>,
        connections: &mut Connections,
    ) -> Result<Self, Failure> {
        // From here on signals do not end the process by themselves.
        let signals = Signals::new()?;
        let settings = settings.server.clone();
        let TransportSettings::Redis(redis) = &settings.transport;
        let redis = connections.connect_redis(redis).await?;
        Ok(Self {
            settings,
            redis,
            signals,
        })
    }

    pub(super) async fn run(mut self, server: Server) -> Result<(), Failure> {
        let service = server.name();
        let transport = RedisServerTransport::on(&self.redis, service.to_owned());
        let stop = Arc::new(Notify::new());
        if let Some(watchdog) = self.settings.watchdog.watchdog() {
            let stop = Arc::clone(&stop);
            watchdog.on_exit(move || stop.notify_one()).start();
        }
        let grace = self.settings.shutdown_grace.get();
        // The addresses, and not the text they were given as, which may have a password in it.
        let redis = self.redis.settings().addresses();
        let concurrency = server.concurrency();
        tracing::info!(
            service,
            redis,
            concurrency,
            "serving; interrupt to stop, twice to stop at once"
        );
        let told = Arc::clone(&stop);
        let running = server.run_until(transport, async move { told.notified().await }, grace);
        tokio::pin!(running);
        let mut is_stopping = false;
        let aborted = loop {
            tokio::select! {
                stopped = &mut running => break stopped.aborted,
                () = self.signals.next() => {
                    if is_stopping {
                        tracing::error!(service, "stopped by a second signal; jobs may be lost");
                        return Err(Failure::JobsLost);
                    }
                    is_stopping = true;
                    tracing::info!(service, ?grace, "stopping: no more requests are taken");
                    stop.notify_one();
                }
            }
        };
        let jobs = server.stats().jobs();
        tracing::info!(service, jobs, aborted, "stopped");
        if aborted > 0 {
            return Err(Failure::JobsLost);
        }
        Ok(())
    }
}
