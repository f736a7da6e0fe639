//! A task that takes the answers to calls from the reply lists of a connection.
//!
//! One task with one connection to a master takes from the lists of all services there, as long as there are calls that
//! wait, and a little longer. From few lists it pops. With many, one call of a script sweeps a group of them. Only when all
//! lists are empty it waits in a pop, for all of them or, if there are too many for one command, shortly for a group.
//!
//! A pop is never cut off. When a list is added while it waits, or the last transport is gone, the pop is unblocked, again
//! and again until the task has seen the change, by one task for however many changes: an unblocking that comes before its
//! pop does nothing. Where a login cannot unblock, pops are short.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::TransportError;
use tokio::time::Instant;

use super::backend::{Limit, Link, OutputCuts, PopError, Popped, Script};
use super::groups::{Group, Groups};
use super::master::MasterConnection;
use super::pop_size::{self, RoundTrip};
use super::reply_list::{Held, ReplyList};
use super::scripts;
use super::settings::RedisSettings;

/// Largest number of answers in one pop, unless the way to Redis is long.
const POP_COUNT: usize = 64;

/// Number of lists up to which they are popped from without a sweep before: a sweep is a command more for each answer.
const UNSWEPT_LISTS: usize = 4;

/// Time limit of a pop from a part of the lists.
const GROUP_BLOCK: Duration = Duration::from_millis(20);

/// Number of answers below which the calls that they end go on before the next pop: what these send is under way earlier,
/// and no further answer waits meanwhile.
const YIELD_BELOW: usize = 8;

/// Pause before a pop is unblocked once more.
const UNBLOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Time limit of waiting for a link, after which the state is looked at again.
const LINK_TIMEOUT: Duration = Duration::from_millis(100);

/// Pause while callers have not taken their answers, for once the size that they may have in sum, and the longest.
const HELD_PAUSE: Duration = Duration::from_millis(10);
const MAX_HELD_PAUSE: Duration = Duration::from_secs(1);

/// Progress of the task in its reading.
struct Reading {
    limit: Limit,
    /// Number of lists in a row that were swept and empty.
    empty: usize,
    round_trip: RoundTrip,
    /// True if the last pop was limited by a list that allows less than others.
    was_held_back: bool,
    /// True if the last pop failed.
    has_failed: bool,
}

/// The outcome of reading once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answers,
    NoAnswers,
    /// Some lists were not looked at.
    Unknown,
}

/// The lists on a master and the task that reads them.
#[derive(Debug)]
pub(super) struct Reader {
    pops: MasterConnection,
    commands: Arc<MasterConnection>,
    block: Duration,
    /// Size of the answers that callers have not taken yet, and its bound.
    held: Held,
    max_held: usize,
    cuts: OutputCuts,
    state: Mutex<ReaderState>,
    /// Number of calls that wait for an answer.
    waiting: AtomicUsize,
    is_running: AtomicBool,
    /// True while a pop may wait.
    is_blocking: AtomicBool,
    /// True while a task is about to unblock it.
    is_unblocking: AtomicBool,
    sweep: Script,
    /// Number of changes of the lists.
    changes: AtomicU64,
    /// Number of changes that the task has seen.
    seen: AtomicU64,
}

#[derive(Debug, Default)]
struct ReaderState {
    lists: Groups,
    is_closed: bool,
}

impl Reader {
    pub(super) fn new(
        pops: MasterConnection,
        commands: Arc<MasterConnection>,
        settings: &RedisSettings,
    ) -> Self {
        Self {
            pops,
            commands,
            block: settings.block_time(),
            held: Held::default(),
            max_held: settings.reply_memory,
            cuts: OutputCuts::default(),
            state: Mutex::default(),
            waiting: AtomicUsize::new(0),
            is_running: AtomicBool::new(false),
            is_blocking: AtomicBool::new(false),
            is_unblocking: AtomicBool::new(false),
            sweep: scripts::sweep(),
            changes: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }

    /// Starts to read from a list.
    pub(super) fn add(self: &Arc<Self>, list: Arc<ReplyList>) {
        self.state().lists.add(list);
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.unblock();
    }

    /// Stops reading from a list.
    pub(super) fn remove(&self, list: &ReplyList) {
        self.state().lists.remove(list);
    }

    /// Ends the task, as no call can wait any more.
    pub(super) fn close(self: &Arc<Self>) {
        self.state().is_closed = true;
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.unblock();
    }

    /// Fails all calls that wait for answers, since the task has ended with its runtime.
    pub(super) fn fail_all(&self, error: &TransportError) {
        let lists = self.state().lists.lists().to_vec();
        lists.iter().for_each(|list| list.fail_all(error));
    }

    /// Records that the master is given up, for all lists that there are.
    pub(super) fn abandon(&self) {
        let state = self.state();
        state.lists.lists().iter().for_each(|list| list.abandon());
    }

    /// Fails all calls that wait for answers, since the master is given up, and forgets the lists that were there then.
    pub(super) fn give_up(&self, error: &TransportError) {
        self.fail_all(error);
        let lists = self.state().lists.lists().to_vec();
        let abandoned = lists.iter().filter(|list| list.is_abandoned());
        abandoned.for_each(|list| self.remove(list));
    }

    /// True while the master is given up, as one of several.
    pub(super) fn is_lost(&self) -> bool {
        self.pops.is_lost()
    }

    /// The last failure to read answers within this time, or the one that still lasts.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.pops.trouble(within)
    }

    /// Size of the answers that callers have not taken yet.
    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// The connection to the master for all but pops.
    pub(super) fn commands(&self) -> &Arc<MasterConnection> {
        &self.commands
    }

    /// Counts a call that waits for an answer, until the guard is dropped.
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
        let mut reading = Reading {
            limit: Limit::new(),
            empty: 0,
            round_trip: RoundTrip::new(),
            was_held_back: false,
            has_failed: false,
        };
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
            let outcome = self.read(&mut reading, &group, seen).await;
            if outcome == Outcome::NoAnswers && self.waiting.load(Ordering::SeqCst) == 0 {
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
    async fn read(&self, reading: &mut Reading, group: &Group, seen: u64) -> Outcome {
        if group.keys.is_empty() {
            tokio::time::sleep(UNBLOCK_INTERVAL).await;
            return Outcome::NoAnswers;
        }
        let held = self.held.load(Ordering::Relaxed);
        if held > self.max_held {
            // Not until they have: one of them may be waiting for an answer that is still to come.
            tokio::time::sleep(held_pause(held, self.max_held)).await;
        }
        let link = match self.pops.link() {
            Some(link) => link,
            None => match self.pops.ready(Instant::now() + LINK_TIMEOUT, None).await {
                Ok(link) => link,
                Err(_) => {
                    self.pops.rest().await;
                    return Outcome::NoAnswers;
                }
            },
        };
        if std::mem::take(&mut reading.has_failed) {
            self.cuts.look(&link, "reading answers").await;
        }
        let most = pop_size::most(POP_COUNT, reading.round_trip.get(link.round_trip()));
        let count = group.count.min(most);
        let is_sweep = group.total > UNSWEPT_LISTS && reading.empty < group.total
            || std::mem::take(&mut reading.was_held_back);
        let popped = if is_sweep {
            let limit = &mut reading.limit;
            link.sweep(limit, &self.sweep, &group.keys, most).await
        } else {
            reading.empty = 0;
            let since = Instant::now();
            let popped = self
                .pop(&mut reading.limit, &link, group, count, seen)
                .await;
            let brought = popped
                .iter()
                .flatten()
                .map(|popped| popped.frames.len())
                .sum();
            let asked = link.abilities().most_popped(count);
            reading.round_trip.popped(asked, brought, since.elapsed());
            reading.was_held_back = group.is_mixed && brought >= count;
            popped
        };
        match popped {
            Ok(popped) if popped.is_empty() && is_sweep => {
                reading.empty += group.keys.len();
                Outcome::Unknown
            }
            Ok(popped) if popped.is_empty() => Outcome::NoAnswers,
            Ok(popped) => {
                reading.empty = 0;
                let count: usize = popped.iter().map(|popped| popped.frames.len()).sum();
                let deliver = |popped| self.deliver(popped, !is_sweep);
                popped.into_iter().for_each(deliver);
                if count < YIELD_BELOW {
                    tokio::task::yield_now().await;
                }
                Outcome::Answers
            }
            Err(error) => {
                // The log has it already.
                reading.has_failed = true;
                self.pops.rest().await;
                if error == PopError::NotAList {
                    self.delete_other_types(&link, &group.keys).await;
                }
                Outcome::NoAnswers
            }
        }
    }

    /// Pops once, and waits if the lists are empty.
    async fn pop(
        &self,
        limit: &mut Limit,
        link: &Link,
        group: &Group,
        count: usize,
        seen: u64,
    ) -> Result<Vec<Popped>, PopError> {
        let block = match group.keys.len() == group.total {
            true => self.block,
            false => self.block.min(GROUP_BLOCK),
        };
        self.is_blocking.store(true, Ordering::SeqCst);
        // Whoever changed something just before has not seen that this is going to wait.
        let popped = if self.changes.load(Ordering::SeqCst) == seen {
            link.pop(limit, &group.keys, count, block).await
        } else {
            Ok(None)
        };
        self.is_blocking.store(false, Ordering::SeqCst);
        Ok(popped?.into_iter().collect())
    }

    /// Delivers what was taken from a list. What a sweep brings says little about the size of a pop.
    fn deliver(&self, popped: Popped, is_pop: bool) {
        let list = self.state().lists.find(&popped.key);
        if let Some(list) = list {
            if is_pop {
                list.popped(&popped.frames);
            }
            let frames = popped.frames.into_iter();
            frames.for_each(|frame| list.deliver(frame));
        }
    }

    /// Deletes keys that hold another type than a list: they belong to this connection alone, and one of them keeps the
    /// answers on all others away.
    async fn delete_other_types(&self, link: &Link, keys: &[Bytes]) {
        for key in keys {
            if link.is_another_type(key).await {
                link.delete(key).await;
            }
        }
    }

    /// Unblocks the pop that waits, if any, until the task has seen the last change.
    fn unblock(self: &Arc<Self>) {
        if !self.is_outdated() || self.is_unblocking.swap(true, Ordering::SeqCst) {
            return;
        }
        let reader = Arc::clone(self);
        self.pops.runtime().spawn(async move {
            loop {
                while reader.is_outdated() {
                    let commands = reader
                        .commands
                        .ready(Instant::now() + LINK_TIMEOUT, None)
                        .await;
                    if let (Some(pops), Ok(commands)) = (reader.pops.link(), commands) {
                        commands.unblock(&pops).await;
                    }
                    tokio::time::sleep(UNBLOCK_INTERVAL).await;
                }
                reader.is_unblocking.store(false, Ordering::SeqCst);
                // A change that came just before has seen this task, and relies on it.
                if !reader.is_outdated() || reader.is_unblocking.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// True if a pop waits that was sent before the last change.
    fn is_outdated(&self) -> bool {
        self.is_blocking.load(Ordering::SeqCst)
            && self.seen.load(Ordering::SeqCst) < self.changes.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, ReaderState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause before the next pop while callers have not taken so many bytes. It grows as its square: what is taken all the same
/// comes ever more slowly.
fn held_pause(held: usize, max: usize) -> Duration {
    let times = u32::try_from(held / max.max(1)).unwrap_or(u32::MAX);
    let pause = HELD_PAUSE.saturating_mul(times.saturating_mul(times));
    pause.clamp(HELD_PAUSE, MAX_HELD_PAUSE)
}

/// A call that waits for its answer.
#[derive(Debug)]
pub(super) struct Expectation(Arc<Reader>);

impl Drop for Expectation {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
