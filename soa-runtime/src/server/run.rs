//! The run loop: takes requests from a transport for as long as there are any.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Server, StartupError};
use crate::error::TransportErrorKind;
use crate::lifetime::Signal;
use crate::observe::names;
use crate::transport::ServerTransport;

/// At most this many requests are taken from the transport at once: more would wait here while another
/// worker is idle.
const BATCH: usize = 32;

/// How long the end waits for responses that cannot be sent yet: the callers do not read.
const FLUSH: Duration = Duration::from_secs(10);

/// How long the jobs that were given up have for their answers.
const ANSWER: Duration = Duration::from_secs(1);

/// How much later than planned things may happen on a busy machine.
const BUSY: Duration = Duration::from_secs(2);

/// How long the loop rests after the transport failed.
const REST: Duration = Duration::from_millis(100);

impl Server {
    /// Serves requests from a transport until it is closed, then waits for the jobs that still run.
    ///
    /// A request is only taken when it can be started at once: up to
    /// [`concurrency`](super::ServerBuilder::concurrency) jobs run side by side, each in a task of its
    /// own. A handler's failure ends its job and nothing else.
    ///
    /// Dropping this future stops the taking. What was taken goes on in its tasks, as long as the runtime
    /// does.
    ///
    /// # Errors
    /// A [startup hook](super::ServerBuilder::on_startup) failed, and nothing was taken.
    pub async fn run(&self, transport: impl ServerTransport) -> Result<(), StartupError> {
        self.serve_in_a_task(transport, None).await.map(drop)
    }

    /// Serves requests from a transport until it is told to stop.
    ///
    /// Then it takes no more, and for as long as `grace` waits for the jobs that run. Those that are not done by
    /// then are given up and answered with `ACTION_TIMEOUT`. What does not even end then, a handler that blocks its
    /// thread, is left behind, without an answer, and counted in what this returns.
    ///
    /// # Errors
    /// A [startup hook](super::ServerBuilder::on_startup) failed, and nothing was taken.
    pub async fn run_until(
        &self,
        transport: impl ServerTransport,
        stop: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> Result<Stopped, StartupError> {
        let transport = Arc::new(transport);
        let end = End::default();
        let (closing, signals) = (Arc::clone(&transport), end.clone());
        // Ends with this set, as the taking does.
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

    /// How long [`run_until`](Self::run_until) takes at most from when it is told to stop, if nothing blocks.
    #[doc(hidden)]
    pub fn longest_end(&self, grace: Duration) -> Duration {
        let teardown = self.shared.hooks.longest_teardown();
        [ANSWER, FLUSH, teardown, BUSY]
            .into_iter()
            .fold(grace, Duration::saturating_add)
    }

    /// In a task of its own, which ends with this future. To wake what a runtime blocks on takes a system call and,
    /// with several threads, a change of thread, for every request.
    async fn serve_in_a_task(
        &self,
        transport: impl ServerTransport,
        end: Option<End>,
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

    /// The hooks, and the taking between them.
    async fn serve(
        self,
        transport: impl ServerTransport,
        end: Option<End>,
    ) -> Result<Stopped, StartupError> {
        let hooks = &self.shared.hooks;
        let (closing, giving_up) = end.map(|end| (end.closing, end.giving_up)).unzip();
        if !hooks.start(&self, closing.as_deref()).await? {
            return Ok(Stopped::default());
        }
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
        if !hooks.have_life() {
            return Ok(serving.await);
        }
        let living = async {
            transport.ready().await;
            hooks.live(&self).await;
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
            // Where every permit is with a job that does not end, nothing is received that could say so.
            let permit = tokio::select! {
                biased;
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = set(giving_up.as_ref()) => break,
            };
            let Ok(mut free) = permit else {
                return Stopped::default(); // The semaphore is never closed.
            };
            // All permits before the requests: nothing is awaited between receiving and starting, so nothing
            // that was taken is lost when this future is dropped.
            let more = permits.available_permits().min(BATCH - 1);
            if let Ok(more) = Arc::clone(&permits).try_acquire_many_owned(narrow(more)) {
                free.merge(more);
            }
            let since = std::time::Instant::now();
            let received = transport.receive(free.num_permits()).await;
            self.shared.meters.idle_time.record(since.elapsed());
            let frames = match received {
                Ok(frames) if !frames.is_empty() => frames,
                Ok(_) => {
                    // The transport breaks its contract; do not spin.
                    tokio::time::sleep(REST).await;
                    continue;
                }
                Err(error) if error.kind() == TransportErrorKind::Closed => break,
                Err(error) => {
                    if let Some(kept_back) = self.shared.stats.may_log_failure() {
                        tracing::error!(service = self.name(), %error, kept_back, "receiving failed");
                    }
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            for frame in frames {
                // One permit a frame; a transport that gives more than it was asked for gets away with it.
                let permit = free.split(1);
                let (server, transport) = (self.clone(), Arc::clone(&transport));
                let giving_up = giving_up.clone();
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
                    drop(permit);
                });
            }
        }
        // Every permit back means every job done.
        let done = permits.acquire_many(narrow(limit));
        let hung = async {
            set(giving_up.as_ref()).await;
            tokio::time::sleep(ANSWER).await;
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
        let flushed = tokio::time::timeout(FLUSH, transport.flush()).await;
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

/// The end of a run, as it is told to the run.
#[derive(Clone, Default)]
struct End {
    /// No more is taken.
    closing: Arc<Signal>,
    /// What still runs is given up.
    giving_up: Arc<Signal>,
}

/// How [`Server::run_until`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// How many jobs were given up when the grace was over, and answered with `ACTION_TIMEOUT` as far as they let go.
    pub given_up: usize,
    /// How many jobs had not ended, and have no answer.
    pub aborted: usize,
    /// How many handlers of blocking actions still run on their threads. Their callers have been told that they were given
    /// up; the end of the process ends them anywhere.
    pub blocking: usize,
    /// Whether there are responses that could not be sent: their callers did not read, or the transport is gone.
    pub has_unsent: bool,
}

/// Returns when jobs are to be given up.
async fn set(giving_up: Option<&Arc<Signal>>) {
    match giving_up {
        Some(giving_up) => giving_up.wait().await,
        None => std::future::pending().await,
    }
}

/// A number of permits, which the builder keeps below `u32::MAX`.
fn narrow(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
