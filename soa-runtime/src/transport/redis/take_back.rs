//! Removal of requests whose calls have timed out.
//!
//! A call that times out leaves its request in the list if no server has taken it yet. It would be dropped unread once it has
//! expired, but it takes up room until then, and one without a timeout of its own would still be run. So it is removed, with
//! little effort: several at once, in a list that is not searched to its end, and no call waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::backend::{Limit, Script};
use super::master::MasterConnection;
use super::scripts;

/// Number of messages of a list that are searched, from the one that is taken next. Those that timed out are mostly among
/// the first, as those before them have timed out, too. A search without result takes Redis about 18 µs, with 10,000 it is
/// 160.
const SEARCH_DEPTH: &str = "1000";

/// Largest number of requests in one call.
const BATCH_COUNT: usize = 16;

/// Largest number of requests that wait for it; further ones expire.
const MAX_WAITING: usize = 1024;

/// The requests to one service that are to be taken back.
#[derive(Debug)]
pub(super) struct TakeBack {
    key: String,
    script: Script,
    state: Mutex<TakeBackState>,
    count: AtomicU64,
}

#[derive(Debug, Default)]
struct TakeBackState {
    queue: VecDeque<(Arc<MasterConnection>, Bytes)>,
    is_running: bool,
}

impl TakeBack {
    pub(super) fn new(key: String) -> Self {
        Self {
            key,
            script: scripts::take_back(),
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
        if !state.is_running {
            state.is_running = true;
            let task = Task {
                take_back: Arc::clone(self),
                is_done: false,
            };
            master.runtime().spawn(task.run());
        }
    }

    async fn run(&self) {
        let mut limit = Limit::new();
        while let Some((master, frames)) = self.next() {
            let Some(link) = master.link().filter(|link| link.abilities().take_back) else {
                continue;
            };
            let arguments =
                std::iter::once(Bytes::from_static(SEARCH_DEPTH.as_bytes())).chain(frames);
            // When it fails, they expire.
            let taken = link.run(&mut limit, &self.script, &self.key, arguments.collect());
            if let Ok(count) = taken.await {
                let count = u64::try_from(count).unwrap_or(0);
                self.count.fetch_add(count, Ordering::Relaxed);
            }
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
