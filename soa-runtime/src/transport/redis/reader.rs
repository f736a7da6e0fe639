//! Takes the answers to calls from the reply lists of a connection.
//!
//! One task with one connection to a master takes from the lists of all services there, as long as there are calls that
//! wait, and a little longer. From few lists it pops. With many, one call of a script sweeps a group of them, and only when no
//! list has anything it waits in a pop, for all of them or, if there are too many for one command, shortly for a group.
//!
//! A pop is never cut off. When a list is added while it waits, or the last transport is gone, the pop is
//! unblocked, again and again until the task has seen the change, by one task for however many changes: an unblocking
//! that comes before its pop does nothing. Where a login cannot unblock, pops are short.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::backend::{Limit, Link, PopError, Popped};
use super::groups::{Group, Groups};
use super::line::Line;
use super::lists::ReplyList;
use super::script::Script;
use super::settings::RedisSettings;

/// At most so many answers in one pop.
const COUNT: usize = 64;

/// Up to so many lists are popped from without sweeping them before: a sweep is a command more for each answer.
const POPPED: usize = 4;

/// How long a pop waits for some of the lists while there are more of them.
const SHORT: Duration = Duration::from_millis(20);

/// When a pop brought fewer answers than this, the calls that they end go on before the next pop: what they send is
/// under way earlier, and nothing waits that would be popped meanwhile.
const FEW: usize = 8;

/// How long to wait before a pop is unblocked once more.
const AGAIN: Duration = Duration::from_millis(10);

/// How long a link is waited for at a time.
const REST: Duration = Duration::from_millis(100);

/// What reading once has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Something,
    Nothing,
    /// Not all lists were looked at.
    Unknown,
}

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
    /// Whether a pop may wait just now, and whether somebody is about to unblock it.
    is_blocking: AtomicBool,
    is_nudged: AtomicBool,
    sweep: Script,
    /// Counts the changes of `lists`, and how many of them the task has seen.
    changes: AtomicU64,
    seen: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lists: Groups,
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
            is_blocking: AtomicBool::new(false),
            is_nudged: AtomicBool::new(false),
            sweep: Script::sweep(),
            changes: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }

    /// Reads from one more list.
    pub(super) fn add(self: &Arc<Self>, list: Arc<ReplyList>) {
        self.state().lists.add(list);
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.nudge();
    }

    /// Reads no longer from a list.
    pub(super) fn remove(&self, list: &ReplyList) {
        self.state().lists.remove(list);
    }

    /// Ends the task, as nobody is left who could wait.
    pub(super) fn close(self: &Arc<Self>) {
        self.state().is_closed = true;
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.nudge();
    }

    /// Why no answers were read in this time, or are not now.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.pops.trouble(within)
    }

    /// The way to the master for all but pops.
    pub(super) fn commands(&self) -> &Arc<Line> {
        &self.commands
    }

    /// The runtime that it lives on.
    pub(super) fn runtime(&self) -> &Handle {
        self.pops.runtime()
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
        // How many lists were swept in a row that had nothing.
        let mut empty = 0;
        loop {
            let seen = self.changes.load(Ordering::SeqCst);
            let group = {
                let mut state = self.state();
                if state.is_closed {
                    break;
                }
                state.lists.group()
            };
            self.seen.store(seen, Ordering::SeqCst);
            let outcome = self.read(&mut limit, &group, &mut empty, seen).await;
            if outcome == Outcome::Nothing && self.waiting.load(Ordering::SeqCst) == 0 {
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

    /// Sweeps or pops once, and delivers.
    async fn read(
        &self,
        limit: &mut Limit,
        group: &Group,
        empty: &mut usize,
        seen: u64,
    ) -> Outcome {
        if group.keys.is_empty() {
            tokio::time::sleep(AGAIN).await;
            return Outcome::Nothing;
        }
        let link = match self.pops.link() {
            Some(link) => link,
            None => match self.pops.ready(Instant::now() + REST, None).await {
                Ok(link) => link,
                Err(_) => {
                    tokio::time::sleep(self.pops.pause()).await;
                    return Outcome::Nothing;
                }
            },
        };
        let is_sweep = group.total > POPPED && *empty < group.total;
        let popped = if is_sweep {
            link.sweep(limit, &self.sweep, &group.keys, COUNT).await
        } else {
            *empty = 0;
            self.pop(limit, &link, group, seen).await
        };
        match popped {
            Ok(popped) if popped.is_empty() && is_sweep => {
                *empty += group.keys.len();
                Outcome::Unknown
            }
            Ok(popped) if popped.is_empty() => Outcome::Nothing,
            Ok(popped) => {
                *empty = 0;
                let count: usize = popped.iter().map(|popped| popped.frames.len()).sum();
                popped.into_iter().for_each(|popped| self.deliver(popped));
                if count < FEW {
                    tokio::task::yield_now().await;
                }
                Outcome::Something
            }
            Err(error) => {
                // The log has it already.
                tokio::time::sleep(self.pops.pause()).await;
                if error == PopError::NoList {
                    self.clear(&link, &group.keys).await;
                }
                Outcome::Nothing
            }
        }
    }

    /// Pops once, and waits if there is nothing.
    async fn pop(
        &self,
        limit: &mut Limit,
        link: &Link,
        group: &Group,
        seen: u64,
    ) -> Result<Vec<Popped>, PopError> {
        let block = match group.keys.len() == group.total {
            true => self.block,
            false => self.block.min(SHORT),
        };
        self.is_blocking.store(true, Ordering::SeqCst);
        // Whoever changed something just before has not seen that this is going to wait.
        let popped = if self.changes.load(Ordering::SeqCst) == seen {
            link.pop(limit, &group.keys, COUNT, block).await
        } else {
            Ok(None)
        };
        self.is_blocking.store(false, Ordering::SeqCst);
        Ok(popped?.into_iter().collect())
    }

    fn deliver(&self, popped: Popped) {
        let list = self.state().lists.find(&popped.key);
        if let Some(list) = list {
            let frames = popped.frames.into_iter();
            frames.for_each(|frame| list.take_frame(frame));
        }
    }

    /// Deletes what stands where a list should be: nobody else has business with these keys, and it keeps the answers of
    /// all others away.
    async fn clear(&self, link: &Link, keys: &[Bytes]) {
        for key in keys {
            if link.is_no_list(key).await {
                link.delete(key).await;
            }
        }
    }

    /// Unblocks the pop that waits, if any, until the task has seen the last change.
    fn nudge(self: &Arc<Self>) {
        if !self.is_late() || self.is_nudged.swap(true, Ordering::SeqCst) {
            return;
        }
        let reader = Arc::clone(self);
        self.pops.runtime().spawn(async move {
            loop {
                while reader.is_late() {
                    let commands = reader.commands.ready(Instant::now() + REST, None).await;
                    if let (Some(pops), Ok(commands)) = (reader.pops.link(), commands) {
                        commands.unblock(&pops).await;
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                reader.is_nudged.store(false, Ordering::SeqCst);
                // A change that came just before has seen this task, and relies on it.
                if !reader.is_late() || reader.is_nudged.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// Whether a pop waits, and was sent before the last change.
    fn is_late(&self) -> bool {
        self.is_blocking.load(Ordering::SeqCst)
            && self.seen.load(Ordering::SeqCst) < self.changes.load(Ordering::SeqCst)
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
