//! The command `serve`: receives requests until it is stopped, and answers those that it has received.
//!
//! SIGTERM, SIGINT (Ctrl-C), SIGHUP and the watchdog stop the server. The running jobs then have `server.shutdown_grace` to
//! end. A second signal ends the process at once. Before the server accepts requests, the first signal does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use soa_runtime::server::{Server, ServerBuilder, Stopped};
use soa_runtime::transport::{RedisConnection, RedisServerTransport};
use tokio::sync::Notify;

use super::failure::Failure;
use super::heartbeat::{BEAT_INTERVAL, Heartbeat};
use super::notifier::Notifier;
use super::signal::Signals;
use crate::settings::{Connections, ServerSettings, TransportSettings};

/// A process that serves, connected to its transport.
pub(super) struct ServerProcess {
    settings: ServerSettings,
    redis: RedisConnection,
    notifier: Arc<Notifier>,
    heartbeat: Option<Arc<Heartbeat>>,
}

impl ServerProcess {
    /// Connects to the transport in the settings.
    pub(super) async fn connect(
        settings: ServerSettings,
        connections: &mut Connections,
        notifier: Arc<Notifier>,
        fork: Option<u16>,
    ) -> Result<Self, Failure> {
        let TransportSettings::Redis(redis) = &settings.transport;
        let redis = connections.connect_redis(redis).await?;
        let heartbeat = settings.heartbeat_file.as_deref();
        let heartbeat = heartbeat.map(|pattern| Arc::new(Heartbeat::new(pattern, fork)));
        Ok(Self {
            settings,
            redis,
            notifier,
            heartbeat,
        })
    }

    /// Adds hooks for the heartbeat file and for notifications of the supervisor.
    pub(super) fn with_notifications(&self, mut server: ServerBuilder) -> ServerBuilder {
        if let Some(heartbeat) = &self.heartbeat {
            let (created, beating) = (Arc::clone(heartbeat), Arc::clone(heartbeat));
            server = server
                .on_startup(move |_| std::future::ready(created.create().map_err(Into::into)))
                .on_beat(BEAT_INTERVAL, move |_| beating.beat());
        }
        if let Some(period) = self.notifier.watchdog_period() {
            let notifier = Arc::clone(&self.notifier);
            server = server.on_beat(period / 2, move |_| notifier.alive());
        }
        let notifier = Arc::clone(&self.notifier);
        // Only the addresses are logged: the text that they were parsed from may contain a password.
        let redis = self.redis.settings().addresses();
        server.on_ready(move |server| {
            let (service, version) = (server.name(), server.version());
            notifier.ready(&format!("serving {service} {version}"));
            let concurrency = server.concurrency();
            tracing::info!(
                service,
                version,
                redis,
                concurrency,
                "accepting requests; interrupt to stop, twice to stop at once"
            );
        })
    }

    /// Runs the server until it is stopped, and removes the heartbeat file.
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
            let notifier = Arc::clone(&self.notifier);
            let on_exit = move || {
                is_blocked.store(true, Ordering::Release);
                notifier.stopping();
                stop.notify_one();
            };
            watchdog.on_exit(on_exit).start();
        }
        let grace = self.settings.shutdown_grace.get();
        signals.force_after(server.max_stop_time(grace));
        let stopped = Arc::clone(&stop);
        let running = server.run_until(transport, async move { stopped.notified().await }, grace);
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
                    tracing::info!(service, ?grace, "stopping: no longer accepting requests");
                    self.notifier.stopping();
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
