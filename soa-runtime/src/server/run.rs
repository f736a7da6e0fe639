//! The run loop: takes requests from a transport for as long as there are any.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Server;
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
    pub async fn run(&self, transport: impl ServerTransport) {
        self.take_in_a_task(transport, None).await;
    }

    /// Serves requests from a transport until it is told to stop.
    ///
    /// Then it takes no more, and for as long as `grace` waits for the jobs that run. Those that are not done by
    /// then are given up and answered with `ACTION_TIMEOUT`. What does not even end then, a handler that blocks its
    /// thread, is left behind, without an answer, and counted in what this returns.
    pub async fn run_until(
        &self,
        transport: impl ServerTransport,
        stop: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> Stopped {
        let transport = Arc::new(transport);
        let stopping = Arc::new(Signal::default());
        let (closing, signal) = (Arc::clone(&transport), Arc::clone(&stopping));
        // Ends with this set, as the taking does.
        let mut task = JoinSet::new();
        task.spawn(async move {
            stop.await;
            closing.close();
            tokio::time::sleep(grace).await;
            signal.set();
        });
        self.take_in_a_task(transport, Some(stopping)).await
    }

    /// In a task of its own, which ends with this future. To wake what a runtime blocks on takes a system call and,
    /// with several threads, a change of thread, for every request.
    async fn take_in_a_task(
        &self,
        transport: impl ServerTransport,
        stopping: Option<Arc<Signal>>,
    ) -> Stopped {
        let mut task = JoinSet::new();
        task.spawn(self.clone().take(transport, stopping));
        match task.join_next().await {
            Some(Ok(stopped)) => stopped,
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Stopped::default(), // The runtime ends.
            },
            None => Stopped::default(),
        }
    }

    async fn take(self, transport: impl ServerTransport, stopping: Option<Arc<Signal>>) -> Stopped {
        let transport = Arc::new(transport);
        let _running = self.shared.meters.run_loop();
        let limits = transport.limits();
        let limit = self.shared.concurrency;
        let permits = Arc::new(Semaphore::new(limit));
        loop {
            // Where every permit is with a job that does not end, nothing is received that could say so.
            let permit = tokio::select! {
                biased;
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = set(stopping.as_ref()) => break,
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
                    tracing::error!(service = self.name(), %error, "receiving failed");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            for frame in frames {
                // One permit a frame; a transport that gives more than it was asked for gets away with it.
                let permit = free.split(1);
                let (server, transport) = (self.clone(), Arc::clone(&transport));
                let stopping = stopping.clone();
                tokio::spawn(async move {
                    if let Some(reply) = server.answer_within(frame, limits, stopping).await
                        && let Err(error) = transport.respond(reply).await
                    {
                        tracing::error!(service = server.name(), %error, "responding failed");
                        names::RESPONSE_LOST.counter([server.name()]).increment(1);
                    }
                    drop(permit);
                });
            }
        }
        // Every permit back means every job done.
        let done = permits.acquire_many(narrow(limit));
        let hung = async {
            set(stopping.as_ref()).await;
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
        Stopped { aborted }
    }
}

/// How [`Server::run_until`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// How many jobs had not ended, and have no answer.
    pub aborted: usize,
}

/// Returns when jobs are to be given up.
async fn set(stopping: Option<&Arc<Signal>>) {
    match stopping {
        Some(stopping) => stopping.wait().await,
        None => std::future::pending().await,
    }
}

/// A number of permits, which the builder keeps below `u32::MAX`.
fn narrow(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
