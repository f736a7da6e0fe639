//! The command `serve`: receives requests until it is stopped, and answers those that it has received.
//!
//! Requests come from the queues of the services, over HTTP, or both. All services run in one process: it is ready when the
//! last of them is, and HTTP is served from then on.
//!
//! SIGTERM, SIGINT (Ctrl-C), SIGHUP and the watchdog stop the server. The running jobs then have `server.shutdown_grace` to
//! end. A second signal ends the process at once. Before the server accepts requests, the first signal does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use soa_redis::{RedisConnection, RedisServerTransport};
use soa_runtime::health::{Health, HealthCheck};
use soa_runtime::server::{Server, ServerBuilder, Stopped};
use soa_runtime::transport::LocalQueue;
use soa_runtime::{Component, Context, StartupError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::doors::{self, ChangeRouter, Doors, HttpStopped, Listeners};
use super::failure::Failure;
use super::heartbeat::{BEAT_INTERVAL, Heartbeat};
use super::notifier::Notifier;
use super::offering::Offering;
use super::readiness::Readiness;
use super::registration::Registrar;
use super::requests::{Requests, Source};
use super::signal::Signals;
use crate::settings::{Connections, ServerSettings, TransportSettings};
use crate::telemetry;

/// A process that serves, connected to its transport.
pub(super) struct ServerProcess {
    settings: ServerSettings,
    /// The Redis with the queues; `None` if HTTP is served alone.
    redis: Option<RedisConnection>,
    listeners: Option<Listeners>,
    notifier: Arc<Notifier>,
    heartbeat: Option<Arc<Heartbeat>>,
    offering: Offering,
}

impl ServerProcess {
    /// Connects to the transport, as the settings say.
    pub(super) async fn connect(
        settings: ServerSettings,
        connections: &mut Connections,
        notifier: Arc<Notifier>,
        fork: Option<u16>,
        listeners: Option<Listeners>,
        offering: Offering,
    ) -> Result<Self, Failure> {
        if listeners.is_some() {
            doors::start_metrics()?;
        }
        let redis = if settings.takes_from_transport() {
            let TransportSettings::Redis(redis) = &settings.transport;
            Some(connections.connect_redis(redis).await?)
        } else {
            None
        };
        let heartbeat = settings.heartbeat_file.as_deref();
        let heartbeat = heartbeat.map(|pattern| Arc::new(Heartbeat::new(pattern, fork)));
        Ok(Self {
            settings,
            redis,
            listeners,
            notifier,
            heartbeat,
            offering,
        })
    }

    /// Adds hooks for the heartbeat file and for notifications of the supervisor. One server of the process has them.
    pub(super) fn with_notifications(&self, mut server: ServerBuilder) -> ServerBuilder {
        if let Some(heartbeat) = &self.heartbeat {
            let (created, beating) = (Arc::clone(heartbeat), Arc::clone(heartbeat));
            server = server
                .on_startup(move |_| std::future::ready(created.create().map_err(Into::into)))
                .on_beat(BEAT_INTERVAL, move |_| beating.beat());
        }
        if let Some(period) = self.notifier.watchdog_period() {
            let notifier = Arc::clone(&self.notifier);
            server = server.on_beat(period / 2, move |_| notifier.alive_if_ready());
        }
        server
    }

    /// Adds the registry to what a server reports by `status`.
    pub(super) fn with_registry(&self, server: ServerBuilder) -> ServerBuilder {
        self.offering.with_check(server)
    }

    /// Adds the Redis with the queues to what a server reports by `status`. Its failure is a warning: it may pass, and without
    /// it hardly anybody would be told of an error.
    pub(super) fn with_redis(&self, server: ServerBuilder) -> ServerBuilder {
        let Some(redis) = self.redis.clone() else {
            return server;
        };
        server.health_check(HealthCheck::new("redis", move |_: Context| {
            std::future::ready(match redis.outage() {
                Some(text) => Health::warning("REDIS_FAILS", text),
                None => Health::ok(),
            })
        }))
    }

    /// Runs the services until the process is stopped, and removes the heartbeat file.
    pub(super) async fn run(
        mut self,
        components: Vec<Component>,
        changes: Vec<ChangeRouter>,
        readiness: Readiness,
        signals: Signals,
    ) -> Result<(), Failure> {
        let doors = match self.listeners.take() {
            Some(listeners) => {
                let settings = &self.settings.http;
                let offering = &self.offering;
                Some(Doors::new(
                    &components,
                    settings,
                    listeners,
                    changes,
                    offering,
                )?)
            }
            None => None,
        };
        let outcome = self.start(&components, doors, readiness, signals).await;
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.remove();
        }
        outcome
    }

    /// Starts the components, runs their services, and stops them in reverse. A signal ends the start.
    async fn start(
        &self,
        components: &[Component],
        doors: Option<Doors>,
        readiness: Readiness,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let starting = async {
            for component in components {
                component.start().await?;
            }
            Ok(())
        };
        let started: Result<bool, StartupError> = tokio::select! {
            biased;
            started = starting => started.map(|()| true),
            () = signals.next() => Ok(false),
        };
        let outcome = match started {
            Ok(true) => self.serve(components, doors, readiness, signals).await,
            Ok(false) => {
                tracing::info!("stopped before the first request");
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        for component in components.iter().rev() {
            component.stop().await;
        }
        outcome
    }

    async fn serve(
        &self,
        components: &[Component],
        doors: Option<Doors>,
        readiness: Readiness,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let names: Vec<&str> = components.iter().map(Component::name).collect();
        let service = names.join(", ");
        let services: Vec<&Server> = components.iter().flat_map(Component::services).collect();
        let stop = Arc::new(watch::Sender::new(false));
        let is_blocked = Arc::new(AtomicBool::new(false));
        if let Some(watchdog) = self.settings.watchdog.watchdog() {
            let (stop, is_blocked) = (Arc::clone(&stop), Arc::clone(&is_blocked));
            let notifier = Arc::clone(&self.notifier);
            let on_exit = move || {
                is_blocked.store(true, Ordering::Release);
                notifier.stopping();
                stop.send_replace(true);
            };
            watchdog
                .on_exit(on_exit)
                .before_exit(telemetry::flush)
                .start();
        }
        let grace = self.settings.shutdown_grace.get();
        let for_doors = doors.as_ref().map(|doors| doors.max_stop_time(grace));
        let until_hooks = for_doors.unwrap_or_default().max(grace);
        let longest = services
            .iter()
            .map(|server| server.max_stop_time(until_hooks));
        let longest = longest.max().unwrap_or(until_hooks);
        let of_components = components.iter().map(Component::max_stop_time);
        let longest = match self.offering.is_none() {
            true => longest,
            false => longest.saturating_add(Registrar::max_stop_time()),
        };
        signals.force_after(of_components.fold(longest, Duration::saturating_add));

        let offers = match &doors {
            Some(doors) if !self.offering.is_none() => doors.offers().await?,
            _ => Vec::new(),
        };
        let (closed, is_over) = watch::channel(doors.is_none());
        let mut running: FuturesUnordered<_> = services
            .iter()
            .map(|server| {
                let requests = Requests::new(self.source(server), is_over.clone());
                server.run_until(requests, is_told(&stop), grace)
            })
            .collect();
        let mut serving: JoinSet<Result<HttpStopped, Failure>> = JoinSet::new();
        serving.spawn({
            let announcement = self.announcement(&services, doors.as_ref());
            let told = (is_told(&stop), is_told(&stop));
            let (offering, notifier) = (self.offering.clone(), Arc::clone(&self.notifier));
            async move {
                tokio::select! {
                    biased;
                    () = told.0 => return Ok(HttpStopped::default()),
                    () = readiness.all() => {
                        offering.begin(&notifier, &offers)?;
                        announcement();
                    }
                }
                Ok(match doors {
                    Some(doors) => doors.run_until(told.1, offering, grace).await,
                    None => HttpStopped::default(),
                })
            }
        });

        let mut all = Stopped::default();
        let mut failure: Option<Failure> = None;
        let mut is_stopping = false;
        let mut doors_are_open = true;
        loop {
            tokio::select! {
                ended = running.next() => match ended {
                    Some(Ok(stopped)) => add(&mut all, &stopped),
                    Some(Err(error)) => {
                        failure.get_or_insert(error.into());
                        stop.send_replace(true);
                    }
                    None => break,
                },
                ended = serving.join_next(), if doors_are_open => {
                    doors_are_open = false;
                    let ended = ended.and_then(Result::ok).unwrap_or(Ok(HttpStopped::default()));
                    let ended = ended.unwrap_or_else(|error| {
                        failure.get_or_insert(error);
                        stop.send_replace(true);
                        HttpStopped::default()
                    });
                    all.given_up += ended.given_up;
                    all.aborted += ended.aborted;
                    all.has_unsent |= ended.has_unsent;
                    closed.send_replace(true);
                }
                () = signals.next() => {
                    if is_stopping {
                        tracing::error!(service, "stopped by a second signal; jobs may be lost");
                        return Err(Failure::JobsLost);
                    }
                    is_stopping = true;
                    stop.send_replace(true);
                    self.notifier.stopping();
                    tracing::info!(service, ?grace, "stopping: no longer accepting requests");
                }
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        let jobs: u64 = services.iter().map(|server| server.stats().jobs()).sum();
        let Stopped {
            given_up,
            aborted,
            blocking,
            has_unsent,
            answers_lost,
            ..
        } = all;
        tracing::info!(
            service,
            jobs,
            given_up,
            aborted,
            blocking,
            answers_lost,
            "stopped"
        );
        if is_blocked.load(Ordering::Acquire) {
            return Err(Failure::Blocked);
        }
        if aborted > 0 || blocking > 0 || has_unsent {
            return Err(Failure::JobsLost);
        }
        Ok(())
    }

    /// The origin of the requests of a service besides HTTP.
    fn source(&self, server: &Server) -> Source {
        match &self.redis {
            Some(redis) => Source::Redis(RedisServerTransport::on(redis, server.name().to_owned())),
            None => Source::Doors(LocalQueue::new()),
        }
    }

    /// Returns the function that tells the log and the supervisor that every service can be called.
    fn announcement(
        &self,
        services: &[&Server],
        doors: Option<&Doors>,
    ) -> impl FnOnce() + Send + 'static {
        let notifier = Arc::clone(&self.notifier);
        let services: Vec<Server> = services.iter().map(|server| (*server).clone()).collect();
        // Only the addresses are logged: the text that they were parsed from may contain a password.
        let redis = self.redis.as_ref();
        let redis = redis.map(|redis| redis.settings().arrangement());
        let http = doors.map(Doors::urls);
        let http_concurrency = doors.map(Doors::concurrency);
        move || {
            let versions = services
                .iter()
                .map(|server| format!("{} {}", server.name(), server.version()));
            let versions: Vec<_> = versions.collect();
            notifier.ready(&format!("serving {}", versions.join(", ")));
            for server in &services {
                let (service, version) = (server.name(), server.version());
                // The limit of a queue, where there is one.
                let concurrency = redis.is_some().then(|| server.concurrency());
                tracing::info!(
                    service,
                    version,
                    redis,
                    concurrency,
                    http,
                    http_concurrency,
                    "accepting requests; interrupt to stop, twice to stop at once"
                );
            }
        }
    }
}

/// Waits until the process is told to stop.
fn is_told(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    async move {
        // A sender that is gone has nothing to stop.
        let _ = stop.wait_for(|is_told| *is_told).await;
    }
}

fn add(all: &mut Stopped, one: &Stopped) {
    all.given_up += one.given_up;
    all.aborted += one.aborted;
    all.blocking += one.blocking;
    all.answers_lost += one.answers_lost;
    all.has_unsent |= one.has_unsent;
}
