//! The run loop: takes requests from a transport and runs them as jobs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::handle::Server;
use super::lifecycle::StartupError;
use crate::error::{TransportErrorKind, route_setting};
use crate::lifetime::Signal;
use crate::observe::names;
use crate::transport::ServerTransport;

/// The maximum number of requests that are taken from the transport at once: more would wait here while another worker
/// is idle.
const MAX_BATCH: usize = 32;

/// The maximum time at the end for responses that cannot be sent yet because their callers do not read.
const FLUSH_GRACE: Duration = Duration::from_secs(10);

/// The time for the responses of jobs that were given up.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// The delay of timers that is possible on a busy machine.
const TIMER_DELAY: Duration = Duration::from_secs(2);

/// The pause after a failure of the transport.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

impl Server {
    /// Serves requests from a transport until it is closed, then waits for the jobs that still run.
    ///
    /// A request is only taken when it can be started at once: up to
    /// [`concurrency`](super::ServerBuilder::concurrency) jobs run side by side, each in a task of its
    /// own. A handler's failure ends its job and nothing else.
    ///
    /// Dropping this future stops taking requests. Jobs that have started go on in their tasks, as long as the runtime
    /// does.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::transport::{LocalQueue, ServerTransport};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// let queue = LocalQueue::new();
    /// queue.close();
    /// server.run(queue).await?;
    /// assert_eq!(server.stats().jobs(), 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A [startup hook](super::ServerBuilder::on_startup) failed; no request was taken.
    pub async fn run(&self, transport: impl ServerTransport) -> Result<(), StartupError> {
        self.serve_in_a_task(transport, None).await.map(drop)
    }

    /// Serves requests from a transport until it is told to stop.
    ///
    /// Then it takes no more requests and waits for running jobs, at most for `grace`. Jobs that are not done by then
    /// are given up and answered with `ACTION_TIMEOUT`. A job that does not end even then, because its handler blocks
    /// the thread, is abandoned without a response and counted in the result.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::Server;
    /// use soa::transport::LocalQueue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// // In a program: the future of a signal.
    /// let stop = tokio::time::sleep(Duration::from_millis(10));
    /// let stopped = server.run_until(LocalQueue::new(), stop, Duration::from_secs(5)).await?;
    /// assert_eq!((stopped.given_up, stopped.aborted), (0, 0));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A [startup hook](super::ServerBuilder::on_startup) failed; no request was taken.
    pub async fn run_until(
        &self,
        transport: impl ServerTransport,
        stop: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> Result<Stopped, StartupError> {
        let transport = Arc::new(transport);
        let end = StopSignals::default();
        let (closing, signals) = (Arc::clone(&transport), end.clone());
        // This task ends with the set, as serving does.
        let mut task = JoinSet::new();
        task.spawn(async move {
            stop.await;
            signals.closing.set();
            closing.close();
            tokio::time::sleep(grace).await;
            signals.giving_up.set();
        });
        self.serve_in_a_task(transport, Some(end)).await
    }

    /// Returns the maximum time that [`run_until`](Self::run_until) takes after it is told to stop, if no handler
    /// blocks.
    #[doc(hidden)]
    pub fn max_stop_time(&self, grace: Duration) -> Duration {
        let teardown = self.shared.hooks.max_teardown_time();
        [ANSWER_GRACE, FLUSH_GRACE, teardown, TIMER_DELAY]
            .into_iter()
            .fold(grace, Duration::saturating_add)
    }

    /// Serves in a task of its own, which ends with this future. Waking the future that a runtime blocks on would cost
    /// a system call and, with several threads, a change of thread, for every request.
    async fn serve_in_a_task(
        &self,
        transport: impl ServerTransport,
        end: Option<StopSignals>,
    ) -> Result<Stopped, StartupError> {
        let mut task = JoinSet::new();
        task.spawn(self.clone().serve(transport, end));
        match task.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Ok(Stopped::default()), // The runtime ends.
            },
            None => Ok(Stopped::default()),
        }
    }

    /// Logs the services that the handlers call and the client has no route to. A function that sees every client may add
    /// routes, so nothing is said then.
    fn warn_of_missing_routes(&self) {
        if self.shared.client_hook.is_some() {
            return;
        }
        for called in self.shared.offer.calls {
            if !self.shared.client().has_route(called) {
                let (service, setting) = (self.name(), route_setting(called));
                tracing::warn!(
                    service,
                    called,
                    setting,
                    "the client has no route to a service that handlers call, so these calls will fail; add this setting, or \
                     the route with `ClientBuilder::service`"
                );
            }
        }
    }

    /// Runs the hooks, and takes requests between them.
    async fn serve(
        self,
        transport: impl ServerTransport,
        end: Option<StopSignals>,
    ) -> Result<Stopped, StartupError> {
        let hooks = &self.shared.hooks;
        let (closing, giving_up) = end.map(|end| (end.closing, end.giving_up)).unzip();
        if !hooks.start(&self, closing.as_deref()).await? {
            return Ok(Stopped::default());
        }
        self.warn_of_missing_routes();
        let transport = Arc::new(transport);
        let serving = async {
            let mut idle = hooks.idle(&self);
            let taking = self.clone().take(Arc::clone(&transport), giving_up.clone());
            let mut stopped = taking.await;
            idle.shutdown().await;
            hooks.tear_down(&self).await;
            stopped.given_up = giving_up.map_or(0, |signal| signal.ended());
            stopped.blocking = self.shared.stats.count_blocking();
            if stopped.blocking > 0 {
                let (service, blocking) = (self.name(), stopped.blocking);
                tracing::error!(
                    service,
                    blocking,
                    "stopped with blocking actions that still run"
                );
            }
            stopped
        };
        if !hooks.has_ready_or_beat() {
            return Ok(serving.await);
        }
        let living = async {
            transport.ready().await;
            hooks.keep_beating(&self).await;
        };
        tokio::select! {
            biased;
            stopped = serving => Ok(stopped),
            () = living => Ok(Stopped::default()), // It never ends.
        }
    }

    async fn take<T: ServerTransport>(
        self,
        transport: Arc<T>,
        giving_up: Option<Arc<Signal>>,
    ) -> Stopped {
        let _running = self.shared.meters.run_loop();
        let limits = transport.limits();
        let limit = self.shared.concurrency;
        let permits = Arc::new(Semaphore::new(limit));
        loop {
            // If all permits are taken by jobs that do not end, nothing is received, and a closed transport goes
            // unnoticed.
            let permit = tokio::select! {
                biased;
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = wait_for(giving_up.as_ref()) => break,
            };
            let Ok(mut free) = permit else {
                return Stopped::default(); // The semaphore is never closed.
            };
            // All permits before the requests: nothing is awaited between receiving and starting, so nothing
            // that was taken is lost when this future is dropped.
            let more = permits.available_permits().min(MAX_BATCH - 1);
            if let Ok(more) = Arc::clone(&permits).try_acquire_many_owned(to_u32(more)) {
                free.merge(more);
            }
            let since = std::time::Instant::now();
            let received = transport.receive(free.num_permits()).await;
            self.shared.meters.idle_time.record(since.elapsed());
            let frames = match received {
                Ok(frames) if !frames.is_empty() => frames,
                Ok(_) => {
                    // The transport breaks its contract; do not spin.
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
                Err(error) if error.kind() == TransportErrorKind::Closed => break,
                Err(error) => {
                    if let Some(kept_back) = self.shared.stats.may_log_failure() {
                        tracing::error!(service = self.name(), %error, kept_back, "receiving failed");
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
            };
            for frame in frames {
                // One permit a frame. A transport that returns more frames than asked for is tolerated.
                let permit = free.split(1);
                let (server, transport) = (self.clone(), Arc::clone(&transport));
                let giving_up = giving_up.clone();
                let place = self.shared.places.take();
                tokio::spawn(async move {
                    if let Some(reply) = server.answer_within(frame, limits, giving_up).await
                        && let Err(error) = transport.respond(reply).await
                    {
                        let service = server.name();
                        names::RESPONSE_LOST.counter([service]).increment(1);
                        if let Some(kept_back) = server.shared.stats.may_log_failure() {
                            tracing::error!(service, %error, kept_back, "responding failed");
                        }
                    }
                    drop((permit, place));
                });
            }
        }
        // All permits are back when all jobs are done.
        let done = permits.acquire_many(to_u32(limit));
        let hung = async {
            wait_for(giving_up.as_ref()).await;
            tokio::time::sleep(ANSWER_GRACE).await;
        };
        let aborted = tokio::select! {
            biased;
            _ = done => 0,
            () = hung => limit - permits.available_permits(),
        };
        if aborted > 0 {
            let service = self.name();
            tracing::error!(service, aborted, "stopped with jobs that did not end");
        }
        let flushed = tokio::time::timeout(FLUSH_GRACE, transport.flush()).await;
        let has_unsent = flushed.is_err();
        if has_unsent {
            let service = self.name();
            tracing::error!(service, "stopped with responses that could not be sent");
        }
        Stopped {
            aborted,
            has_unsent,
            ..Stopped::default()
        }
    }
}

/// The signals that end a run.
#[derive(Clone, Default)]
struct StopSignals {
    /// No more requests are taken.
    closing: Arc<Signal>,
    /// Running jobs are given up.
    giving_up: Arc<Signal>,
}

/// The outcome of [`Server::run_until`].
///
/// ```
/// # use soa_runtime as soa;
/// use soa::server::Stopped;
///
/// fn exit_code(stopped: &Stopped) -> i32 {
///     let has_lost = stopped.aborted > 0 || stopped.blocking > 0 || stopped.has_unsent;
///     i32::from(has_lost)
/// }
///
/// assert_eq!(exit_code(&Stopped::default()), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// The number of jobs that were given up after the grace; they were answered with `ACTION_TIMEOUT` unless they
    /// block.
    pub given_up: usize,
    /// The number of jobs that had not ended; they have no response.
    pub aborted: usize,
    /// The number of handlers of blocking actions that still run on their threads. Their callers have been told that
    /// they were given up; they end with the process.
    pub blocking: usize,
    /// True if there are responses that could not be sent: their callers did not read, or the transport is gone.
    pub has_unsent: bool,
}

/// Waits until jobs are to be given up.
async fn wait_for(giving_up: Option<&Arc<Signal>>) {
    match giving_up {
        Some(giving_up) => giving_up.wait().await,
        None => std::future::pending().await,
    }
}

/// Converts a number of permits, which the builder keeps below `u32::MAX`.
fn to_u32(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
