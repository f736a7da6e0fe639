//! Reply lists, and the calls that wait for what comes there.
//!
//! The calls of a client to a service share one list: answers tell by their ids whom they are for. Pieces of chunked
//! answers do not. So after one was seen, for some minutes, or always if the settings say so, each call has a list to itself
//! for as long as it runs. Such lists are used again when their answer has come; one whose call was given up is not, since
//! the rest of its answer may still come.
//!
//! While an answer is not whole, a task looks after it: when nothing more comes of it, its call fails then and not at its
//! timeout.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::PREFIX;
use super::reader::Reader;
use super::ring::Ring;
use crate::error::{TransportError, TransportErrorKind};
use crate::log_limit::LogLimit;
use crate::message::JobResponse;
use crate::wire::{self, Assembled, Assembly};
use soa_wire::serializer::Serializers;

pub(super) type Waiter = oneshot::Sender<Result<JobResponse, TransportError>>;

/// At most so many lists are kept for calls to come.
const KEPT: usize = 256;

/// For so long after the last piece calls have lists of their own.
const APART: Duration = Duration::from_secs(300);

/// At most one in this time is told of the answers that are dropped.
const SELDOM: Duration = Duration::from_secs(10);

/// A list of answers and the calls that wait for them.
#[derive(Debug)]
pub(super) struct ReplyList {
    /// Its name: text, kept as what is sent to Redis.
    pub(super) key: Bytes,
    pub(super) reader: Arc<Reader>,
    waiters: Mutex<FxHashMap<i64, Waiter>>,
    /// The chunked answers that are not whole yet.
    assembly: Mutex<Assembly>,
    /// Whether a task looks after them.
    is_watched: AtomicBool,
    counts: Arc<Counts>,
}

/// What all lists of a client and service have in common.
#[derive(Debug)]
pub(super) struct Counts {
    /// Answers that nobody waited for or could read.
    unknown: AtomicU64,
    /// Whether the service is known to cut its answers into pieces.
    expects_pieces: bool,
    /// When a piece came last, in milliseconds from `begun`; 0 for none.
    last_piece: AtomicU64,
    begun: Instant,
    seldom: LogLimit,
}

/// The reply lists of a client and service.
#[derive(Debug)]
pub(super) struct ReplyLists {
    ring: Arc<Ring>,
    /// What `reply_to` begins with, up to the `!`.
    begin: String,
    next: AtomicU64,
    shared: Arc<ReplyList>,
    free: Mutex<Vec<Arc<ReplyList>>>,
    counts: Arc<Counts>,
}

impl Counts {
    pub(super) fn new(expects_pieces: bool) -> Self {
        Self {
            unknown: AtomicU64::new(0),
            expects_pieces,
            last_piece: AtomicU64::new(0),
            begun: Instant::now(),
            seldom: LogLimit::every(SELDOM),
        }
    }

    pub(super) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Counts an answer that is dropped. If it is to be told, how many were not before it.
    fn count(&self) -> Option<u64> {
        self.unknown.fetch_add(1, Ordering::Relaxed);
        self.seldom.count()
    }

    /// A piece has come.
    fn piece(&self) {
        let millis = self.begun.elapsed().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).max(1);
        if self.last_piece.swap(millis, Ordering::Relaxed) == 0 && !self.expects_pieces {
            tracing::info!(
                "answers come in pieces: calls have reply lists of their own for a while"
            );
        }
    }

    /// Whether calls have lists of their own, as far as is known.
    fn is_apart(&self) -> bool {
        self.expects_pieces || self.last_piece.load(Ordering::Relaxed) > 0
    }

    /// Goes back to one list when no piece has come for long; whether it does.
    fn has_lapsed(&self, now: Instant) -> bool {
        let last = self.last_piece.load(Ordering::Relaxed);
        let end = self.begun + Duration::from_millis(last) + APART;
        if self.expects_pieces || now < end {
            return false;
        }
        let order = Ordering::Relaxed;
        let lapsed = self.last_piece.compare_exchange(last, 0, order, order);
        lapsed.is_ok()
    }
}

impl ReplyLists {
    /// The lists whose names begin with this, and go on with numbers from this one.
    pub(super) fn new(ring: Arc<Ring>, begin: String, number: u64, counts: Arc<Counts>) -> Self {
        let shared = open(&ring, &begin, number, &counts);
        Self {
            ring,
            begin,
            next: AtomicU64::new(number.wrapping_add(1)),
            shared,
            free: Mutex::default(),
            counts,
        }
    }

    /// The list for a call that is made now.
    pub(super) fn list(&self, now: Instant) -> Arc<ReplyList> {
        if !self.counts.is_apart() {
            return Arc::clone(&self.shared);
        }
        if self.counts.has_lapsed(now) {
            let free: Vec<_> = self.free().drain(..).collect();
            free.iter().for_each(ReplyList::close);
            return Arc::clone(&self.shared);
        }
        if let Some(list) = self.free().pop() {
            return list;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        open(&self.ring, &self.begin, number, &self.counts)
    }

    /// Why no answers were read in this time, or are not now.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.shared.reader.trouble(within)
    }

    /// A call has ended, with its answer or without.
    pub(super) fn done(&self, list: &Arc<ReplyList>, is_answered: bool) {
        if Arc::ptr_eq(list, &self.shared) {
            return;
        }
        let mut free = self.free();
        if is_answered && free.len() < KEPT && self.counts.is_apart() {
            free.push(Arc::clone(list));
            return;
        }
        drop(free);
        list.close();
    }

    fn free(&self) -> MutexGuard<'_, Vec<Arc<ReplyList>>> {
        // Nothing panics while this is held.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ReplyLists {
    fn drop(&mut self) {
        self.shared.close();
        for list in self.free().drain(..) {
            list.close();
        }
    }
}

fn open(ring: &Ring, begin: &str, number: u64, counts: &Arc<Counts>) -> Arc<ReplyList> {
    let key = format!("{PREFIX}{begin}{}", ring.suffix(number));
    let reader = ring.reader(&key);
    let list = Arc::new(ReplyList {
        reader: Arc::clone(reader),
        key: key.into(),
        waiters: Mutex::default(),
        assembly: Mutex::default(),
        is_watched: AtomicBool::new(false),
        counts: Arc::clone(counts),
    });
    reader.add(Arc::clone(&list));
    list
}

impl ReplyList {
    /// The name that a request tells.
    pub(super) fn reply_to(&self) -> &str {
        let name = self.name();
        name.strip_prefix(PREFIX).unwrap_or(name)
    }

    fn name(&self) -> &str {
        // It was made of text.
        std::str::from_utf8(&self.key).unwrap_or_default()
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

    pub(super) fn take_frame(self: &Arc<Self>, frame: Bytes) {
        let assembled = self.assembly().take(frame);
        match assembled {
            Assembled::Whole(frame) => self.deliver(&frame),
            Assembled::Partial => {
                self.counts.piece();
                self.watch();
            }
            Assembled::Lost { why, requests } => {
                self.counts.piece();
                self.dropped(why);
                self.lose(why, &requests);
            }
        }
    }

    /// Looks after the answers that are not whole, until there are none.
    fn watch(self: &Arc<Self>) {
        if self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let list = Arc::clone(self);
        self.reader.runtime().spawn(async move {
            loop {
                let due = {
                    let assembly = list.assembly();
                    let due = assembly.due();
                    if due.is_none() {
                        // Still locked: who opens the next one sees it.
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
                list.dropped(why);
                let is_only = list.waiters().len() == 1;
                let requests: Vec<_> = given_up
                    .into_iter()
                    .filter(|request| request.is_some() || is_only)
                    .collect();
                list.lose(why, &requests);
            }
        });
    }

    /// Counts, and tells if need be, that a chunked answer was dropped.
    fn dropped(&self, why: &str) {
        if let Some(kept_back) = self.counts.count() {
            tracing::warn!(
                list = self.name(),
                why,
                kept_back,
                "dropped a chunked answer"
            );
        }
    }

    /// Tells calls that their answers came and could not be put together.
    fn lose(&self, why: &str, requests: &[Option<i64>]) {
        let mut waiters = self.waiters();
        let lost: Vec<Waiter> = if requests.contains(&None) {
            // It could be any of them.
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

    fn deliver(&self, frame: &Bytes) {
        let response = match wire::read_response(frame, &Serializers::default()) {
            Ok(response) => response,
            Err(error) => {
                if let Some(kept_back) = self.counts.count() {
                    let (list, begins) = (self.name(), wire::redacted(frame));
                    tracing::warn!(list, %error, begins, kept_back, "dropped an answer");
                }
                return;
            }
        };
        let id = response.request_id.as_i64();
        match id.and_then(|id| self.take(id)) {
            // The caller may have given up just now.
            Some(waiter) => drop(waiter.send(Ok(response.job))),
            None => {
                self.counts.unknown.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(list = self.name(), id, "nobody waits for this answer");
            }
        }
    }

    /// Reads from it no longer, and deletes it. What comes later expires.
    fn close(self: &Arc<Self>) {
        self.reader.remove(self);
        let (key, commands) = (self.key.clone(), Arc::clone(self.reader.commands()));
        commands.runtime().clone().spawn(async move {
            if let Some(link) = commands.link() {
                link.delete(&key).await;
            }
        });
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
        let counts = Counts::new(false);
        assert!(!counts.is_apart());
        counts.piece();
        assert!(counts.is_apart());
        tokio::time::advance(APART / 2).await;
        counts.piece();
        tokio::time::advance(APART / 2 + SELDOM).await;
        assert!(!counts.has_lapsed(Instant::now()));
        tokio::time::advance(APART / 2).await;
        assert!(counts.has_lapsed(Instant::now()));
        assert!(!counts.is_apart());
        // A service that is known to cut its answers does so.
        let counts = Counts::new(true);
        tokio::time::advance(APART * 2).await;
        assert!(!counts.has_lapsed(Instant::now()));
        assert!(counts.is_apart());
    }
}
