//! Takes requests back that nobody waits for any more.
//!
//! A call that timed out leaves its request in the list if no server has come to it yet. It would be dropped unread once
//! its time has passed, but it takes up room until then, and one without a timeout of its own would still be run. So it
//! is removed, with little effort: several at once, in a list that is not searched to its end, and without anybody
//! waiting for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::backend::Limit;
use super::line::Line;
use super::script::Script;

/// How many messages of a list are looked at, from the one that is taken next: those that timed out are mostly among the
/// first, as what was before them has timed out too. To find nothing takes Redis about 18 µs, with 10,000 it is 160.
const DEPTH: &str = "1000";

/// At most so many are taken back with one call, and so many wait for it.
const BATCH: usize = 16;
const QUEUE: usize = 1024;

/// The requests to one service that are to be taken back.
#[derive(Debug)]
pub(super) struct TakeBack {
    key: String,
    script: Script,
    state: Mutex<State>,
    count: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<(Arc<Line>, Bytes)>,
    is_running: bool,
}

impl TakeBack {
    pub(super) fn new(key: String) -> Self {
        Self {
            key,
            script: Script::take_back(),
            state: Mutex::default(),
            count: AtomicU64::new(0),
        }
    }

    /// How many were taken back.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes a request back that was pushed by this line, if it is still there.
    pub(super) fn add(self: &Arc<Self>, line: &Arc<Line>, frame: Bytes) {
        let mut state = self.state();
        if state.queue.len() >= QUEUE {
            return; // It expires, too.
        }
        state.queue.push_back((Arc::clone(line), frame));
        if !state.is_running {
            state.is_running = true;
            let take_back = Arc::clone(self);
            line.runtime().spawn(async move { take_back.run().await });
        }
    }

    async fn run(&self) {
        let mut limit = Limit::new();
        while let Some((line, frames)) = self.next() {
            let Some(link) = line.link().filter(|link| link.abilities().take_back) else {
                continue;
            };
            let arguments = std::iter::once(Bytes::from_static(DEPTH.as_bytes())).chain(frames);
            // When it fails, they expire.
            let taken = link.run(&mut limit, &self.script, &self.key, arguments.collect());
            if let Ok(count) = taken.await {
                let count = u64::try_from(count).unwrap_or(0);
                self.count.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// The next ones for the same master.
    fn next(&self) -> Option<(Arc<Line>, Vec<Bytes>)> {
        let mut state = self.state();
        let Some((line, frame)) = state.queue.pop_front() else {
            state.is_running = false;
            return None;
        };
        let mut frames = vec![frame];
        while frames.len() < BATCH
            && let Some((_, frame)) = state
                .queue
                .pop_front_if(|(next, _)| Arc::ptr_eq(next, &line))
        {
            frames.push(frame);
        }
        Some((line, frames))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
