//! The reply lists of a client and service.
//!
//! All calls share one list. Pieces of chunked answers do not tell which call they are for, so after one was seen, for some
//! minutes, or always if the settings say so, each call has a list to itself for as long as it runs. Such lists are used
//! again when their answer has come. One whose call was given up is not, since the rest of its answer may still come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::naming::PREFIX;
use super::reader::Reader;
use super::reply_list::{ReplyList, ReplyStatistics};
use super::ring::Ring;

/// Largest number of lists that are kept for calls to come.
const MAX_FREE_LISTS: usize = 256;

/// A list that is read from.
#[derive(Debug)]
pub(super) struct OpenList {
    pub(super) list: Arc<ReplyList>,
    pub(super) reader: Arc<Reader>,
}

/// The reply lists of a client and service.
#[derive(Debug)]
pub(super) struct ReplyLists {
    ring: Arc<Ring>,
    /// The begin of their names in requests, up to the `!`.
    begin: String,
    next: AtomicU64,
    shared: Arc<OpenList>,
    free: Mutex<Vec<Arc<OpenList>>>,
    statistics: Arc<ReplyStatistics>,
}

impl ReplyLists {
    /// Opens the shared list. The names of all lists begin with `begin`, and go on with numbers from `number`.
    pub(super) fn new(
        ring: Arc<Ring>,
        begin: String,
        number: u64,
        statistics: Arc<ReplyStatistics>,
    ) -> Self {
        Self {
            shared: open(&ring, &begin, number, &statistics),
            ring,
            begin,
            next: AtomicU64::new(number.wrapping_add(1)),
            free: Mutex::default(),
            statistics,
        }
    }

    /// Returns the list for a call that is made now.
    pub(super) fn list(&self, now: Instant) -> Arc<OpenList> {
        if !self.statistics.needs_separate_lists() {
            return Arc::clone(&self.shared);
        }
        if self.statistics.end_separate_lists(now) {
            let free: Vec<_> = self.free().drain(..).collect();
            free.iter().for_each(|list| list.close());
            return Arc::clone(&self.shared);
        }
        if let Some(list) = self.free().pop() {
            return list;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        open(&self.ring, &self.begin, number, &self.statistics)
    }

    /// The last failure to read answers within this time, or the one that still lasts.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.shared.reader.trouble(within)
    }

    /// Takes back the list of a call that has ended, with its answer or without.
    pub(super) fn release(&self, list: &Arc<OpenList>, is_answered: bool) {
        if Arc::ptr_eq(list, &self.shared) {
            return;
        }
        let mut free = self.free();
        let is_needed = free.len() < MAX_FREE_LISTS && self.statistics.needs_separate_lists();
        if is_answered && is_needed {
            free.push(Arc::clone(list));
            return;
        }
        drop(free);
        list.close();
    }

    fn free(&self) -> MutexGuard<'_, Vec<Arc<OpenList>>> {
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

fn open(ring: &Ring, begin: &str, number: u64, statistics: &Arc<ReplyStatistics>) -> Arc<OpenList> {
    let key = format!("{PREFIX}{begin}{}", ring.suffix(number));
    let reader = Arc::clone(ring.reader(&key));
    let list = Arc::new(ReplyList::new(key, ring.runtime(), statistics));
    reader.add(Arc::clone(&list));
    Arc::new(OpenList { list, reader })
}

impl OpenList {
    /// Stops reading from the list, and deletes it. What comes later expires.
    fn close(&self) {
        self.reader.remove(&self.list);
        let (key, commands) = (self.list.key.clone(), Arc::clone(self.reader.commands()));
        commands.runtime().clone().spawn(async move {
            if let Some(link) = commands.link() {
                link.delete(&key).await;
            }
        });
    }
}
