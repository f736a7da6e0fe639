//! Takes the answers to calls from the reply lists of a connection.
//!
//! One task with one connection pops from the lists of all services, as long as there are calls that wait,
//! and a little longer. It is never cut off while it pops. When a list is added meanwhile, or the last
//! transport is gone, the pop is unblocked, again and again until the task has seen the change: an unblocking
//! that comes before its pop does nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::backend::{Limit, Link};
use super::settings::RedisSettings;
use crate::error::TransportError;
use crate::message::JobResponse;
use crate::serializer::Serializers;
use crate::wire::{self, Assembled, Assembly};

/// At most so many answers in one pop.
const COUNT: usize = 64;

/// When a pop brought fewer answers than this, the calls that they end go on before the next pop: what they send is
/// under way earlier, and nothing waits that would be popped meanwhile.
const FEW: usize = 8;

/// How long to wait before a pop is unblocked once more.
const AGAIN: Duration = Duration::from_millis(10);

/// How long to wait after a pop failed.
const REST: Duration = Duration::from_millis(100);

type Waiter = oneshot::Sender<Result<JobResponse, TransportError>>;

/// A list of answers and the calls that wait for them.
#[derive(Debug)]
pub(super) struct ReplyList {
    pub(super) key: Arc<str>,
    waiters: Mutex<FxHashMap<i64, Waiter>>,
    /// A chunked answer that is not whole yet.
    assembly: Mutex<Assembly>,
    unknown: AtomicU64,
}

impl ReplyList {
    pub(super) fn new(key: impl Into<Arc<str>>) -> Self {
        Self {
            key: key.into(),
            waiters: Mutex::default(),
            assembly: Mutex::default(),
            unknown: AtomicU64::new(0),
        }
    }

    pub(super) fn wait(&self, id: i64, waiter: Waiter) {
        self.waiters().insert(id, waiter);
    }

    pub(super) fn has(&self, id: i64) -> bool {
        self.waiters().contains_key(&id)
    }

    pub(super) fn take(&self, id: i64) -> Option<Waiter> {
        self.waiters().remove(&id)
    }

    /// How many answers came that nobody waited for.
    pub(super) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    fn take_frame(&self, frame: Bytes) {
        // Nothing panics while this is held.
        let mut assembly = self.assembly.lock().unwrap_or_else(PoisonError::into_inner);
        match assembly.take(frame) {
            Assembled::Whole(frame) => self.deliver(&frame),
            Assembled::Partial => {}
            Assembled::Lost(why) => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(list = &*self.key, why, "dropped a chunked answer");
            }
        }
    }

    fn deliver(&self, frame: &Bytes) {
        let response = match wire::read_response(frame, &Serializers::default()) {
            Ok(response) => response,
            Err(error) => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                let (key, begins) = (&*self.key, wire::redacted(frame));
                tracing::warn!(list = key, %error, begins, "dropped an answer");
                return;
            }
        };
        let id = response.request_id.as_i64();
        match id.and_then(|id| self.take(id)) {
            // The caller may have given up just now.
            Some(waiter) => drop(waiter.send(Ok(response.job))),
            None => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(list = &*self.key, id, "nobody waits for this answer");
            }
        }
    }

    fn waiters(&self) -> MutexGuard<'_, FxHashMap<i64, Waiter>> {
        // Nothing panics while this is held.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lists of a connection and the task that reads them.
#[derive(Debug)]
pub(super) struct Reader {
    settings: RedisSettings,
    state: Mutex<State>,
    /// How many calls wait for an answer.
    waiting: AtomicUsize,
    is_running: AtomicBool,
    /// Counts the changes of `lists`, and how many of them the task has seen.
    changes: AtomicU64,
    seen: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lists: Vec<Arc<ReplyList>>,
    link: Option<Link>,
    is_closed: bool,
}

impl Reader {
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
            waiting: AtomicUsize::new(0),
            is_running: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }

    /// Reads from one more list.
    pub(super) fn add(self: &Arc<Self>, list: Arc<ReplyList>, commands: Link) {
        self.state().lists.push(list);
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.nudge(commands);
    }

    /// Reads no longer from a list.
    pub(super) fn remove(&self, list: &Arc<ReplyList>) {
        self.state().lists.retain(|known| !Arc::ptr_eq(known, list));
    }

    /// Ends the task, as nobody is left who could wait.
    pub(super) fn close(self: &Arc<Self>, commands: Link) {
        let mut state = self.state();
        state.is_closed = true;
        state.link = None;
        drop(state);
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.nudge(commands);
    }

    /// One more call waits, until what this gives back is dropped.
    pub(super) fn expect(self: &Arc<Self>) -> Result<Expectation, TransportError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let expectation = Expectation(Arc::clone(self));
        if !self.is_running.load(Ordering::SeqCst) {
            self.start()?;
        }
        Ok(expectation)
    }

    fn start(self: &Arc<Self>) -> Result<(), TransportError> {
        let mut state = self.state();
        let link = match &state.link {
            Some(link) => link.clone(),
            None => state.link.insert(Link::open(&self.settings)?).clone(),
        };
        drop(state);
        if !self.is_running.swap(true, Ordering::SeqCst) {
            let reader = Arc::clone(self);
            link.runtime().clone().spawn(reader.run(link));
        }
        Ok(())
    }

    async fn run(self: Arc<Self>, link: Link) {
        let mut turn = 0;
        let mut limit = Link::pop_limit(self.settings.block_time());
        loop {
            let seen = self.changes.load(Ordering::SeqCst);
            let lists = {
                let state = self.state();
                if state.is_closed {
                    break;
                }
                state.lists.clone()
            };
            self.seen.store(seen, Ordering::SeqCst);
            let has_popped = self.pop(&link, &mut limit, &lists, turn).await;
            turn = turn.wrapping_add(1);
            if !has_popped && self.waiting.load(Ordering::SeqCst) == 0 {
                self.is_running.store(false, Ordering::SeqCst);
                // A call that came just before has seen the task running, and relies on it.
                let is_needed = self.waiting.load(Ordering::SeqCst) > 0;
                if !is_needed || self.is_running.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
        self.is_running.store(false, Ordering::SeqCst);
    }

    /// Pops once and delivers; whether there was something.
    async fn pop(
        &self,
        link: &Link,
        limit: &mut Limit,
        lists: &[Arc<ReplyList>],
        turn: usize,
    ) -> bool {
        if lists.is_empty() || link.ready(Instant::now() + REST).await.is_err() {
            tokio::time::sleep(AGAIN).await;
            return false;
        }
        // Redis serves the first list that has something: each takes its turn to be that.
        let mut keys: Vec<_> = lists.iter().map(|list| Arc::clone(&list.key)).collect();
        let first = turn % keys.len();
        keys.rotate_left(first);
        match link
            .pop(limit, &keys, COUNT, self.settings.block_time())
            .await
        {
            Ok(None) => false,
            Ok(Some(popped)) => {
                let count = popped.frames.len();
                let list = lists.iter().find(|list| list.key.as_bytes() == popped.key);
                if let Some(list) = list {
                    popped
                        .frames
                        .into_iter()
                        .for_each(|frame| list.take_frame(frame));
                }
                if count < FEW {
                    tokio::task::yield_now().await;
                }
                true
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "reading answers failed");
                tokio::time::sleep(REST).await;
                false
            }
        }
    }

    /// Unblocks the pop that waits, if any, until the task has seen the last change.
    fn nudge(self: &Arc<Self>, commands: Link) {
        if !self.is_running.load(Ordering::SeqCst) {
            return;
        }
        let (reader, wanted) = (Arc::clone(self), self.changes.load(Ordering::SeqCst));
        let link = self.state().link.clone();
        commands.runtime().clone().spawn(async move {
            let is_late = || {
                reader.is_running.load(Ordering::SeqCst)
                    && reader.seen.load(Ordering::SeqCst) < wanted
            };
            while let Some(link) = &link
                && is_late()
            {
                commands.unblock(link).await;
                tokio::time::sleep(AGAIN).await;
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits for its answer.
#[derive(Debug)]
pub(super) struct Expectation(Arc<Reader>);

impl Drop for Expectation {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
