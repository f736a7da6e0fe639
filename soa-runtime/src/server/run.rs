//! The run loop: takes requests from a transport and runs them as jobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::Either;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::answer::Terms;
use super::handle::Server;
use super::lifecycle::StartupError;
use crate::error::{TransportErrorKind, route_setting};
use crate::lifetime::Signal;
use crate::transport::{Received, ServerTransport};

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
    /// own once it waits for something. A handler's failure ends its job and nothing else.
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
    /// A [startup hook](super::ServerBuilder::on_startup) failed, or the transport cannot deliver as
    /// [`delivery`](super::ServerBuilder::delivery) asks for; no request was taken.
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
    /// A [startup hook](super::ServerBuilder::on_startup) failed, or the transport cannot deliver as
    /// [`delivery`](super::ServerBuilder::delivery) asks for; no request was taken.
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
            if !self.shared.client().may_have_route(called) {
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
        let prepared = transport.prepare(self.promise()).await;
        prepared.map_err(StartupError::of_transport)?;
        let transport = Arc::new(transport);
        let serving = async {
            let mut idle = hooks.idle(&self);
            let telling = self.tell_records(transport.records());
            let taking = self.clone().take(Arc::clone(&transport), giving_up.clone());
            let mut stopped = taking.await;
            if let Some(telling) = telling {
                telling.end().await;
            }
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
        let lost_before = self.shared.losses.total();
        let limits = transport.limits();
        let limit = self.shared.concurrency;
        let permits = Arc::new(Semaphore::new(limit));
        let mut gathering = Gathering::default();
        let has_one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
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
            gathering.gather(&permits, &mut free, limit).await;
            // All permits before the requests: nothing is awaited between receiving and starting, so nothing
            // that was taken is lost when this future is dropped.
            let more = permits.available_permits();
            if let Ok(more) = Arc::clone(&permits).try_acquire_many_owned(to_u32(more)) {
                free.merge(more);
            }
            let since = std::time::Instant::now();
            let received = transport.receive(free.num_permits()).await;
            self.shared.meters.idle_time.record(since.elapsed());
            let requests = match received {
                Ok(requests) if !requests.is_empty() => requests,
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
            let backlog = transport.backlog();
            gathering.round_trip = backlog.round_trip;
            let terms = Terms::new(limits, backlog);
            let begun = std::time::Instant::now();
            for Received { frame, hold } in requests {
                // One permit a frame. A transport that returns more frames than asked for is tolerated.
                let permit = free.split(1);
                let (server, transport) = (self.clone(), Arc::clone(&transport));
                let giving_up = giving_up.clone();
                let (place, terms) = (self.shared.places.take(), terms.clone());
                let job = async move {
                    let reply = match hold {
                        None => Either::Left(server.answer_within(
                            frame,
                            terms,
                            Some(&*transport),
                            giving_up,
                        )),
                        // Boxed, as it would make the tasks of all others larger.
                        Some(hold) => Either::Right(Box::pin(server.answer_held(
                            frame,
                            hold,
                            terms,
                            &*transport,
                            giving_up,
                        ))),
                    };
                    if let Some(reply) = reply.await
                        && let Err(error) = transport.respond(reply).await
                    {
                        server.shared.losses.count(&error);
                    }
                    drop((permit, place));
                };
                if has_one_thread && begun.elapsed() < IN_PLACE_TIME {
                    begin(job).await;
                } else {
                    tokio::spawn(job);
                }
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
        let losses = &self.shared.losses;
        losses.tell();
        Stopped {
            aborted,
            has_unsent,
            answers_lost: losses.total() - lost_before + transport.lost(),
            ..Stopped::default()
        }
    }
}

/// The time of a batch after which its further jobs are tasks from the beginning: where handlers compute for long, the answers
/// of the first ones are sent before the last ones begin.
const IN_PLACE_TIME: Duration = Duration::from_millis(1);

/// Runs a job as far as it goes without waiting, and the rest of it in a task. Most jobs never wait, and a task costs them more
/// than what is around their action. Where there is one thread, nothing else would run meanwhile in any case.
///
/// The returned future is ready when it is first polled.
fn begin(job: impl Future<Output = ()> + Send + 'static) -> impl Future<Output = ()> {
    let mut job = Some(Box::pin(job));
    std::future::poll_fn(move |context| {
        if let Some(mut job) = job.take() {
            // As in a task, a panic ends the job alone. The hook of panics has told it.
            let polled = catch_unwind(AssertUnwindSafe(|| job.as_mut().poll(context)));
            if matches!(polled, Ok(Poll::Pending)) {
                tokio::spawn(job);
            }
        }
        Poll::Ready(())
    })
}

/// The time of a round trip from which on the run loop waits for places before it asks for requests.
const LONG_ROUND_TRIP: Duration = Duration::from_millis(5);

/// The number of times that it does not wait after it has waited in vain.
const TIMES_WITHOUT: u32 = 32;

/// Waiting for the places of jobs that end soon.
///
/// If it takes long to ask for requests, those that end meanwhile leave their places empty until the next time. If jobs
/// take less than about half of a round trip, it is better to wait for them and ask for all; otherwise to ask at once.
#[derive(Default)]
struct Gathering {
    round_trip: Duration,
    /// The number of times left not to wait.
    without: u32,
}

impl Gathering {
    /// Waits until most of the places are free, for as long as that is worth it.
    async fn gather(
        &mut self,
        permits: &Arc<Semaphore>,
        free: &mut OwnedSemaphorePermit,
        limit: usize,
    ) {
        if self.round_trip < LONG_ROUND_TRIP {
            return;
        }
        let most = limit - limit / 8;
        let held = free.num_permits() + permits.available_permits();
        if held >= most {
            return;
        }
        if self.without > 0 {
            self.without -= 1;
            return;
        }
        if wait_for_places(permits, free, most, self.round_trip.mul_f64(0.6)).await {
            // Those that end at the same time, but not the slow ones.
            wait_for_places(permits, free, limit, self.round_trip / 32).await;
        } else {
            self.without = TIMES_WITHOUT;
        }
    }
}

/// Waits for a time until so many places are free. Returns false if they are not.
async fn wait_for_places(
    permits: &Arc<Semaphore>,
    free: &mut OwnedSemaphorePermit,
    count: usize,
    time: Duration,
) -> bool {
    let missing = to_u32(count.saturating_sub(free.num_permits()));
    let more = Arc::clone(permits).acquire_many_owned(missing);
    match tokio::time::timeout(time, more).await {
        Ok(Ok(more)) => {
            free.merge(more);
            true
        }
        _ => false,
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
    /// The number of jobs that have run and whose responses were lost, those that could not be sent at the end included.
    pub answers_lost: u64,
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
