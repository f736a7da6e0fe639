//! Removal of requests whose calls have timed out or were dropped.
//!
//! Such a call leaves its request in the list if no server has taken it yet. It would be dropped unread once it has expired,
//! but it takes up room until then, and one without a timeout of its own would still be run. So it is removed, with little
//! effort: several at once, in a list that is not searched to its end, and no call waits for it.
//!
//! If a server has taken it and holds it, the server is told: the id of the job is noted in a key that processes read with each
//! sign of life.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::internal::job_id;
use tokio::time::Instant;

use super::backend::{Limit, Link, Script};
use super::keys::service_key;
use super::master::MasterConnection;
use super::naming::request_key;
use super::scripts;

/// Number of messages of a list that are searched, from the one that is taken next. Those that timed out are mostly among
/// the first, as those before them have timed out, too. A search without result takes Redis about 18 µs, with 10,000 it is
/// 160.
const SEARCH_DEPTH: &str = "1000";

/// Largest number of requests in one call.
const BATCH_COUNT: usize = 16;

/// Largest number of requests that wait for it; further ones expire.
const MAX_WAITING: usize = 1024;

/// Time for which servers are told nothing after a login that may not tell them.
const SILENCE: Duration = Duration::from_secs(60);

/// The requests to one service that are to be taken back.
#[derive(Debug)]
pub(super) struct TakeBack {
    key: String,
    script: Script,
    /// The leases of the service's processes, and the ids of jobs whose callers are gone.
    cancel_keys: [Bytes; 2],
    cancel: Script,
    state: Mutex<TakeBackState>,
    count: AtomicU64,
}

#[derive(Debug, Default)]
struct TakeBackState {
    queue: VecDeque<(Arc<MasterConnection>, Bytes)>,
    is_running: bool,
    /// Time until which servers are told nothing, as the login may not.
    silent_until: Option<Instant>,
}

impl TakeBack {
    pub(super) fn new(service: &str) -> Self {
        Self {
            key: request_key(service),
            script: scripts::take_back(),
            cancel_keys: ["leases", "cancelled"].map(|name| service_key(service, name).into()),
            cancel: scripts::cancel(),
            state: Mutex::default(),
            count: AtomicU64::new(0),
        }
    }

    /// Number of requests that were removed.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Removes a request from its list on this master, if it is still there.
    pub(super) fn add(self: &Arc<Self>, master: &Arc<MasterConnection>, frame: Bytes) {
        let mut state = self.state();
        if state.queue.len() >= MAX_WAITING {
            return; // It expires, too.
        }
        state.queue.push_back((Arc::clone(master), frame));
        if std::mem::replace(&mut state.is_running, true) {
            return;
        }
        // A runtime that ends drops the task here, which then needs the state.
        drop(state);
        let task = Task {
            take_back: Arc::clone(self),
            is_done: false,
        };
        master.runtime().spawn(task.run());
    }

    async fn run(&self) {
        let mut limit = Limit::new();
        while let Some((master, frames)) = self.next() {
            let Some(link) = master.link().filter(|link| link.abilities().take_back) else {
                continue;
            };
            let depth = Bytes::from_static(SEARCH_DEPTH.as_bytes());
            let arguments = std::iter::once(depth).chain(frames.iter().cloned());
            // When it fails, they expire.
            let taken = link.run(&mut limit, &self.script, &self.key, arguments.collect());
            let Ok(count) = taken.await else {
                continue;
            };
            let count = u64::try_from(count).unwrap_or(0);
            self.count.fetch_add(count, Ordering::Relaxed);
            let all = u64::try_from(frames.len()).unwrap_or(u64::MAX);
            if count < all {
                self.cancel(&mut limit, &link, &frames).await;
            }
        }
    }

    /// Tells the servers that hold these requests that their callers are gone. Requests that were removed may be among them.
    async fn cancel(&self, limit: &mut Limit, link: &Link, frames: &[Bytes]) {
        let now = Instant::now();
        if self.state().silent_until.is_some_and(|until| now < until) {
            return;
        }
        let ids = frames.iter().map(|frame| job_id(frame).into());
        let ids: Vec<Bytes> = ids.collect();
        let told = link.run_on(limit, &self.cancel, &self.cancel_keys, &ids);
        // Nothing depends on it: the jobs are finished for nobody.
        if told.await.is_err() {
            self.state().silent_until = Some(now + SILENCE);
        }
    }

    /// Takes the next requests on the same master.
    fn next(&self) -> Option<(Arc<MasterConnection>, Vec<Bytes>)> {
        let mut state = self.state();
        let Some((master, frame)) = state.queue.pop_front() else {
            state.is_running = false;
            return None;
        };
        let mut frames = vec![frame];
        while frames.len() < BATCH_COUNT
            && let Some((_, frame)) = state
                .queue
                .pop_front_if(|(next, _)| Arc::ptr_eq(next, &master))
        {
            frames.push(frame);
        }
        Some((master, frames))
    }

    fn state(&self) -> MutexGuard<'_, TakeBackState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task. If its runtime ends before it does, the requests that wait expire, and the next one starts another task.
struct Task {
    take_back: Arc<TakeBack>,
    is_done: bool,
}

impl Task {
    async fn run(mut self) {
        self.take_back.run().await;
        self.is_done = true;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.take_back.state();
            state.queue.clear();
            state.is_running = false;
        }
    }
}
