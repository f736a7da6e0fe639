//! Reply lists, and the calls that wait for what comes there.
//!
//! The calls of a client to a service share one list: answers tell by their ids whom they are for. Pieces of chunked
//! answers do not, so once one was seen, or from the beginning if the settings say so, each call has a list to itself for
//! as long as it runs. Such lists are used again when their answer has come; one whose call was given up is not, since
//! the rest of its answer may still come.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::PREFIX;
use super::reader::Reader;
use super::ring::Ring;
use crate::error::{TransportError, TransportErrorKind};
use crate::message::JobResponse;
use crate::serializer::Serializers;
use crate::wire::{self, Assembled, Assembly};

pub(super) type Waiter = oneshot::Sender<Result<JobResponse, TransportError>>;

/// At most so many lists are kept for calls to come.
const KEPT: usize = 256;

/// A list of answers and the calls that wait for them.
#[derive(Debug)]
pub(super) struct ReplyList {
    pub(super) key: Arc<str>,
    pub(super) reader: Arc<Reader>,
    waiters: Mutex<FxHashMap<i64, Waiter>>,
    /// The chunked answers that are not whole yet.
    assembly: Mutex<Assembly>,
    counts: Arc<Counts>,
}

/// What all lists of a client and service have in common.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Answers that nobody waited for or could read.
    unknown: AtomicU64,
    /// Whether the service cuts its answers into pieces.
    is_chunked: AtomicBool,
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
    pub(super) fn new(is_chunked: bool) -> Self {
        Self {
            unknown: AtomicU64::new(0),
            is_chunked: AtomicBool::new(is_chunked),
        }
    }

    pub(super) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
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

    /// The list for a call.
    pub(super) fn list(&self) -> Arc<ReplyList> {
        if !self.counts.is_chunked.load(Ordering::Relaxed) {
            return Arc::clone(&self.shared);
        }
        if let Some(list) = self.free().pop() {
            return list;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        open(&self.ring, &self.begin, number, &self.counts)
    }

    /// A call has ended, with its answer or without.
    pub(super) fn done(&self, list: &Arc<ReplyList>, is_answered: bool) {
        if Arc::ptr_eq(list, &self.shared) {
            return;
        }
        let mut free = self.free();
        if is_answered && free.len() < KEPT {
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
        counts: Arc::clone(counts),
    });
    reader.add(Arc::clone(&list));
    list
}

impl ReplyList {
    /// The name that a request tells.
    pub(super) fn reply_to(&self) -> &str {
        self.key.strip_prefix(PREFIX).unwrap_or(&self.key)
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

    pub(super) fn take_frame(&self, frame: Bytes) {
        // Nothing panics while this is held.
        let mut assembly = self.assembly.lock().unwrap_or_else(PoisonError::into_inner);
        match assembly.take(frame) {
            Assembled::Whole(frame) => self.deliver(&frame),
            Assembled::Partial => self.counts.is_chunked.store(true, Ordering::Relaxed),
            Assembled::Lost { why, requests } => {
                self.counts.is_chunked.store(true, Ordering::Relaxed);
                self.counts.count();
                tracing::warn!(list = &*self.key, why, "dropped a chunked answer");
                self.lose(why, &requests);
            }
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
                self.counts.count();
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
                self.counts.count();
                tracing::debug!(list = &*self.key, id, "nobody waits for this answer");
            }
        }
    }

    /// Reads from it no longer, and deletes it. What comes later expires.
    fn close(self: &Arc<Self>) {
        self.reader.remove(self);
        let (key, commands) = (Arc::clone(&self.key), Arc::clone(self.reader.commands()));
        commands.runtime().clone().spawn(async move {
            if let Some(link) = commands.link() {
                link.delete(&key).await;
            }
        });
    }

    fn waiters(&self) -> MutexGuard<'_, FxHashMap<i64, Waiter>> {
        // Nothing panics while this is held.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
