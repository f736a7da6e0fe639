//! Takes the answers to calls from the reply lists of a connection.
//!
//! One task with one connection to a master pops from the lists of all services there, as long as there are calls that
//! wait, and a little longer. It is never cut off while it pops. When a list is added meanwhile, or the last
//! transport is gone, the pop is unblocked, again and again until the task has seen the change: an unblocking
//! that comes before its pop does nothing. Where a login cannot unblock, pops are short.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::Limit;
use super::line::Line;
use super::lists::ReplyList;
use super::settings::RedisSettings;

/// At most so many answers in one pop.
const COUNT: usize = 64;

/// When a pop brought fewer answers than this, the calls that they end go on before the next pop: what they send is
/// under way earlier, and nothing waits that would be popped meanwhile.
const FEW: usize = 8;

/// How long to wait before a pop is unblocked once more.
const AGAIN: Duration = Duration::from_millis(10);

/// How long to wait after a pop failed.
const REST: Duration = Duration::from_millis(100);

/// The lists on a master and the task that reads them.
#[derive(Debug)]
pub(super) struct Reader {
    pops: Line,
    commands: Arc<Line>,
    block: Duration,
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
    is_closed: bool,
}

impl Reader {
    pub(super) fn new(pops: Line, commands: Arc<Line>, settings: &RedisSettings) -> Self {
        Self {
            pops,
            commands,
            block: settings.block_time(),
            state: Mutex::default(),
            waiting: AtomicUsize::new(0),
            is_running: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }

    /// Reads from one more list.
    pub(super) fn add(self: &Arc<Self>, list: Arc<ReplyList>) {
        self.state().lists.push(list);
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.nudge();
    }

    /// Reads no longer from a list.
    pub(super) fn remove(&self, list: &Arc<ReplyList>) {
        self.state().lists.retain(|known| !Arc::ptr_eq(known, list));
    }

    /// Ends the task, as nobody is left who could wait.
    pub(super) fn close(self: &Arc<Self>) {
        self.state().is_closed = true;
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.nudge();
    }

    /// The way to the master for all but pops.
    pub(super) fn commands(&self) -> &Arc<Line> {
        &self.commands
    }

    /// One more call waits, until what this gives back is dropped.
    pub(super) fn expect(self: &Arc<Self>) -> Expectation {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let expectation = Expectation(Arc::clone(self));
        if !self.is_running.load(Ordering::SeqCst) && !self.is_running.swap(true, Ordering::SeqCst)
        {
            let reader = Arc::clone(self);
            self.pops.runtime().spawn(reader.run());
        }
        expectation
    }

    async fn run(self: Arc<Self>) {
        let mut limit = Limit::new();
        let mut turn = 0;
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
            let has_popped = self.pop(&mut limit, &lists, turn).await;
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
    async fn pop(&self, limit: &mut Limit, lists: &[Arc<ReplyList>], turn: usize) -> bool {
        if lists.is_empty() {
            tokio::time::sleep(AGAIN).await;
            return false;
        }
        let link = match self.pops.link() {
            Some(link) => link,
            None => match self.pops.ready(Instant::now() + REST, None).await {
                Ok(link) => link,
                Err(_) => {
                    tokio::time::sleep(AGAIN).await;
                    return false;
                }
            },
        };
        // Redis serves the first list that has something: each takes its turn to be that.
        let mut keys: Vec<_> = lists.iter().map(|list| Arc::clone(&list.key)).collect();
        let first = turn % keys.len();
        keys.rotate_left(first);
        match link.pop(limit, &keys, COUNT, self.block).await {
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
    fn nudge(self: &Arc<Self>) {
        if !self.is_running.load(Ordering::SeqCst) {
            return;
        }
        let (reader, wanted) = (Arc::clone(self), self.changes.load(Ordering::SeqCst));
        self.pops.runtime().spawn(async move {
            let is_late = || {
                reader.is_running.load(Ordering::SeqCst)
                    && reader.seen.load(Ordering::SeqCst) < wanted
            };
            while is_late() {
                let commands = reader.commands.ready(Instant::now() + REST, None).await;
                if let (Some(pops), Ok(commands)) = (reader.pops.link(), commands) {
                    commands.unblock(&pops).await;
                }
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
