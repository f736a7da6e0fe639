//! A reply list, and the calls that wait for their answers on it.
//!
//! The answers on a list tell by their ids which call they are for; the pieces of a chunked answer do not. While an answer
//! is incomplete, a task looks after it: when nothing more of it comes, its call fails then and not at its timeout.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use soa_runtime::{JobResponse, TransportError, TransportErrorKind};
use soa_wire::log_limit::LogLimit;
use soa_wire::serializer::Serializers;
use soa_wire::wire::{self, Assembled, Assembly};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::naming::PREFIX;
use super::pop_size::next_count;

pub(super) type Waiter = oneshot::Sender<Result<Answer, TransportError>>;

/// Size of an answer from which on it counts until its caller has taken it.
const HELD_SIZE: usize = 64 * 1024;

/// An answer on its way to its caller.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) job: JobResponse,
    _held: Option<HeldAnswer>,
}

/// Size of the large answers that their callers have not taken yet.
pub(super) type Held = Arc<AtomicUsize>;

/// The part of an answer in that size.
#[derive(Debug)]
struct HeldAnswer {
    held: Held,
    size: usize,
}

impl HeldAnswer {
    fn new(held: &Held, size: usize) -> Option<Self> {
        if size < HELD_SIZE {
            return None;
        }
        held.fetch_add(size, Ordering::Relaxed);
        let held = Arc::clone(held);
        Some(Self { held, size })
    }
}

impl Drop for HeldAnswer {
    fn drop(&mut self) {
        self.held.fetch_sub(self.size, Ordering::Relaxed);
    }
}

/// Time after the last piece for which calls have lists of their own.
const SEPARATE_LISTS_TIME: Duration = Duration::from_secs(300);

/// Time between two log lines about answers that are dropped.
const DROP_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A list of answers, and the calls that wait for them.
#[derive(Debug)]
pub(super) struct ReplyList {
    /// Its name: text, kept as what is sent to Redis.
    pub(super) key: Bytes,
    runtime: Handle,
    waiters: Mutex<FxHashMap<i64, Waiter>>,
    /// The chunked answers that are incomplete.
    assembly: Mutex<Assembly>,
    /// True while a task looks after them.
    is_watched: AtomicBool,
    /// True once its master is given up.
    is_abandoned: AtomicBool,
    held: Held,
    statistics: Arc<ReplyStatistics>,
}

/// Counters of all reply lists of a client and service.
#[derive(Debug)]
pub(super) struct ReplyStatistics {
    /// Answers without a call that waits, or that cannot be read.
    unexpected: AtomicU64,
    /// True if the settings say that the service sends its answers in pieces.
    expects_pieces: bool,
    /// Time of the last piece, in milliseconds from `begun`; 0 for none.
    last_piece: AtomicU64,
    begun: Instant,
    /// Largest number of messages in the next pop.
    pop_count: AtomicUsize,
    drop_log: LogLimit,
}

impl ReplyStatistics {
    pub(super) fn new(expects_pieces: bool) -> Self {
        Self {
            unexpected: AtomicU64::new(0),
            expects_pieces,
            last_piece: AtomicU64::new(0),
            begun: Instant::now(),
            pop_count: AtomicUsize::new(1),
            drop_log: LogLimit::every(DROP_LOG_INTERVAL),
        }
    }

    /// Number of answers that were dropped.
    pub(super) fn unexpected(&self) -> u64 {
        self.unexpected.load(Ordering::Relaxed)
    }

    /// Counts an answer that is dropped. If it has to be logged, the number of those that were not before it.
    fn count_dropped(&self) -> Option<u64> {
        self.unexpected.fetch_add(1, Ordering::Relaxed);
        self.drop_log.count()
    }

    /// Records that a piece has come.
    fn record_piece(&self) {
        let millis = self.begun.elapsed().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).max(1);
        if self.last_piece.swap(millis, Ordering::Relaxed) == 0 && !self.expects_pieces {
            tracing::info!(
                "answers come in pieces: calls have reply lists of their own for a while"
            );
        }
    }

    /// True if calls need lists of their own, as far as is known.
    pub(super) fn needs_separate_lists(&self) -> bool {
        self.expects_pieces || self.last_piece.load(Ordering::Relaxed) > 0
    }

    /// Ends the time of separate lists when no piece has come for long. True if it did.
    pub(super) fn end_separate_lists(&self, now: Instant) -> bool {
        let last = self.last_piece.load(Ordering::Relaxed);
        let end = self.begun + Duration::from_millis(last) + SEPARATE_LISTS_TIME;
        if self.expects_pieces || now < end {
            return false;
        }
        let order = Ordering::Relaxed;
        let ended = self.last_piece.compare_exchange(last, 0, order, order);
        ended.is_ok()
    }
}

impl ReplyList {
    pub(super) fn new(
        key: String,
        runtime: &Handle,
        held: &Held,
        statistics: &Arc<ReplyStatistics>,
    ) -> Self {
        Self {
            key: key.into(),
            runtime: runtime.clone(),
            waiters: Mutex::default(),
            assembly: Mutex::default(),
            is_watched: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            held: Arc::clone(held),
            statistics: Arc::clone(statistics),
        }
    }

    /// The name of the list in requests.
    pub(super) fn reply_to(&self) -> &str {
        let name = self.name();
        name.strip_prefix(PREFIX).unwrap_or(name)
    }

    fn name(&self) -> &str {
        // It was made of text.
        std::str::from_utf8(&self.key).unwrap_or_default()
    }

    /// Records that its master is given up.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::SeqCst);
    }

    /// True once its master is given up.
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::SeqCst)
    }

    /// Largest number of messages in the next pop. The lists of a client and service have answers of the same kind.
    pub(super) fn pop_count(&self) -> usize {
        self.statistics.pop_count.load(Ordering::Relaxed)
    }

    /// Takes note of what a pop brought.
    pub(super) fn popped(&self, frames: &[Bytes]) {
        let count = self.pop_count();
        let next = next_count(count, frames);
        if next != count {
            self.statistics.pop_count.store(next, Ordering::Relaxed);
        }
    }

    /// Registers a call that waits for the answer with this id.
    pub(super) fn add_waiter(&self, id: i64, waiter: Waiter) {
        self.waiters().insert(id, waiter);
    }

    /// True if the call with this id still waits.
    pub(super) fn has_waiter(&self, id: i64) -> bool {
        self.waiters().contains_key(&id)
    }

    /// Removes the call with this id, if it still waits.
    pub(super) fn take_waiter(&self, id: i64) -> Option<Waiter> {
        self.waiters().remove(&id)
    }

    /// Delivers a frame that was taken from the list: an answer, or a piece of one.
    pub(super) fn deliver(self: &Arc<Self>, frame: Bytes) {
        let assembled = self.assembly().take(frame);
        match assembled {
            Assembled::Whole(frame) => self.deliver_answer(&frame),
            Assembled::Partial => {
                self.statistics.record_piece();
                self.watch();
            }
            Assembled::Lost { why, requests } => {
                self.statistics.record_piece();
                self.log_dropped_pieces(why);
                self.fail(why, &requests);
            }
        }
    }

    /// Looks after the incomplete answers until there are none.
    fn watch(self: &Arc<Self>) {
        if self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let list = Arc::clone(self);
        self.runtime.spawn(async move {
            loop {
                let due = {
                    let assembly = list.assembly();
                    let due = assembly.due();
                    if due.is_none() {
                        // Still locked: whoever begins the next one sees it.
                        list.is_watched.store(false, Ordering::Relaxed);
                    }
                    due
                };
                let Some(due) = due else {
                    return;
                };
                tokio::time::sleep_until(due.into()).await;
                let given_up = list.assembly().give_up();
                if given_up.is_empty() {
                    continue;
                }
                let why = "no more pieces of it came";
                list.log_dropped_pieces(why);
                let is_only = list.waiters().len() == 1;
                let requests: Vec<_> = given_up
                    .into_iter()
                    .filter(|request| request.is_some() || is_only)
                    .collect();
                list.fail(why, &requests);
            }
        });
    }

    /// Counts a chunked answer that is dropped, and logs it if that is due.
    fn log_dropped_pieces(&self, why: &str) {
        if let Some(kept_back) = self.statistics.count_dropped() {
            tracing::warn!(
                list = self.name(),
                why,
                kept_back,
                "dropped a chunked answer"
            );
        }
    }

    /// Fails all calls, since nothing reads this list any more.
    pub(super) fn fail_all(&self, error: &TransportError) {
        let waiters = std::mem::take(&mut *self.waiters());
        for waiter in waiters.into_values() {
            let error = TransportError::new(error.kind(), error.to_string());
            // The caller may have given up just now.
            let _ = waiter.send(Err(error));
        }
    }

    /// Fails the calls whose answers could not be put together: all of them where one of the ids is unknown.
    fn fail(&self, why: &str, requests: &[Option<i64>]) {
        let mut waiters = self.waiters();
        let lost: Vec<Waiter> = if requests.contains(&None) {
            waiters.drain().map(|(_, waiter)| waiter).collect()
        } else {
            let ids = requests.iter().flatten();
            ids.filter_map(|id| waiters.remove(id)).collect()
        };
        drop(waiters);
        for waiter in lost {
            let message =
                format!("the pieces of a chunked answer could not be put together: {why}");
            let error = TransportError::new(TransportErrorKind::Transient, message);
            let _ = waiter.send(Err(error));
        }
    }

    fn deliver_answer(&self, frame: &Bytes) {
        let response = match wire::read_response(frame, &Serializers::default()) {
            Ok(response) => response,
            Err(error) => {
                if let Some(kept_back) = self.statistics.count_dropped() {
                    let (list, begins) = (self.name(), wire::redacted(frame));
                    tracing::warn!(list, %error, begins, kept_back, "dropped an answer");
                }
                return;
            }
        };
        let id = response.request_id.as_i64();
        match id.and_then(|id| self.take_waiter(id)) {
            // The caller may have given up just now.
            Some(waiter) => {
                let answer = Answer {
                    job: response.job,
                    _held: HeldAnswer::new(&self.held, frame.len()),
                };
                drop(waiter.send(Ok(answer)));
            }
            None => {
                self.statistics.unexpected.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(list = self.name(), id, "dropped an answer without a caller");
            }
        }
    }

    fn assembly(&self) -> MutexGuard<'_, Assembly> {
        // Nothing panics while this is held.
        self.assembly.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiters(&self) -> MutexGuard<'_, FxHashMap<i64, Waiter>> {
        // Nothing panics while this is held.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_have_lists_of_their_own_until_no_piece_has_come_for_long() {
        let statistics = ReplyStatistics::new(false);
        assert!(!statistics.needs_separate_lists());
        statistics.record_piece();
        assert!(statistics.needs_separate_lists());
        tokio::time::advance(SEPARATE_LISTS_TIME / 2).await;
        statistics.record_piece();
        tokio::time::advance(SEPARATE_LISTS_TIME / 2 + DROP_LOG_INTERVAL).await;
        assert!(!statistics.end_separate_lists(Instant::now()));
        tokio::time::advance(SEPARATE_LISTS_TIME / 2).await;
        assert!(statistics.end_separate_lists(Instant::now()));
        assert!(!statistics.needs_separate_lists());
        // A service that is known to send its answers in pieces goes on to do so.
        let statistics = ReplyStatistics::new(true);
        tokio::time::advance(SEPARATE_LISTS_TIME * 2).await;
        assert!(!statistics.end_separate_lists(Instant::now()));
        assert!(statistics.needs_separate_lists());
    }
}
