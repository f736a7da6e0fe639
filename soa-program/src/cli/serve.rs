//! `serve`: takes requests until it is told to stop, and answers what was taken.
//!
//! SIGTERM, SIGINT as Ctrl-C sends it, or SIGHUP ends the taking, as does the watchdog before it ends the process; the jobs
//! that run have `server.shutdown_grace` to end. A second signal ends the process at once. Before requests are taken the
//! first signal does: there is nothing to wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::failure::Failure;
use super::heartbeat::{self, Heartbeat};
use super::outside::Outside;
use super::signals::Signals;
use crate::settings::{Connections, ServerSettings, TransportSettings};
use soa_runtime::server::{Server, ServerBuilder, Stopped};
use soa_runtime::transport::{RedisConnection, RedisServerTransport};

/// A server that is about to serve: it can reach what it takes requests from.
pub(super) struct Serving {
    settings: ServerSettings,
    redis: RedisConnection,
    outside: Arc<Outside>,
    heartbeat: Option<Arc<Heartbeat>>,
}

impl Serving {
    pub(super) async fn prepare(
        settings: ServerSettings,
        connections: &mut Connections,
        outside: Arc<Outside>,
        fork: Option<u16>,
    ) -> Result<Self, Failure> {
        let TransportSettings::Redis(redis) = &settings.transport;
        let redis = connections.connect_redis(redis).await?;
        let heartbeat = settings.heartbeat_file.as_deref();
        let heartbeat = heartbeat.map(|pattern| Arc::new(Heartbeat::new(pattern, fork)));
        Ok(Self {
            settings,
            redis,
            outside,
            heartbeat,
        })
    }

    /// Has the server tell how it fares, in the heartbeat file and to whoever is outside.
    pub(super) fn with_signs_of_life(&self, mut server: ServerBuilder) -> ServerBuilder {
        if let Some(heartbeat) = &self.heartbeat {
            let (created, beating) = (Arc::clone(heartbeat), Arc::clone(heartbeat));
            server = server
                .on_startup(move |_| std::future::ready(created.create().map_err(Into::into)))
                .on_beat(heartbeat::PERIOD, move |_| beating.beat());
        }
        if let Some(period) = self.outside.watchdog_period() {
            let outside = Arc::clone(&self.outside);
            server = server.on_beat(period / 2, move |_| outside.alive());
        }
        let outside = Arc::clone(&self.outside);
        server.on_ready(move |server| {
            let (service, version) = (server.name(), server.version());
            outside.ready(&format!("serving {service} {version}"));
            tracing::info!(service, "requests are taken");
        })
    }

    pub(super) async fn run(self, server: Server, signals: Signals) -> Result<(), Failure> {
        let outcome = self.serve(&server, signals).await;
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.remove();
        }
        outcome
    }

    async fn serve(&self, server: &Server, mut signals: Signals) -> Result<(), Failure> {
        let service = server.name();
        let transport = RedisServerTransport::on(&self.redis, service.to_owned());
        let stop = Arc::new(Notify::new());
        let is_blocked = Arc::new(AtomicBool::new(false));
        if let Some(watchdog) = self.settings.watchdog.watchdog() {
            let (stop, is_blocked) = (Arc::clone(&stop), Arc::clone(&is_blocked));
            let outside = Arc::clone(&self.outside);
            let on_exit = move || {
                is_blocked.store(true, Ordering::Release);
                outside.stopping();
                stop.notify_one();
            };
            watchdog.on_exit(on_exit).start();
        }
        let grace = self.settings.shutdown_grace.get();
        signals.force_after(server.max_stop_time(grace));
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
        let stopped = loop {
            tokio::select! {
                stopped = &mut running => break stopped?,
                () = signals.next() => {
                    if is_stopping {
                        tracing::error!(service, "stopped by a second signal; jobs may be lost");
                        return Err(Failure::JobsLost);
                    }
                    is_stopping = true;
                    tracing::info!(service, ?grace, "stopping: no more requests are taken");
                    self.outside.stopping();
                    stop.notify_one();
                }
            }
        };
        let jobs = server.stats().jobs();
        let Stopped {
            given_up,
            aborted,
            blocking,
            has_unsent,
            ..
        } = stopped;
        tracing::info!(service, jobs, given_up, aborted, blocking, "stopped");
        if is_blocked.load(Ordering::Acquire) {
            return Err(Failure::Blocked);
        }
        if aborted > 0 || blocking > 0 || has_unsent {
            return Err(Failure::JobsLost);
        }
        Ok(())
    }
}
