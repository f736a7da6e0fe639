//! The reply lists of a client and service.
//!
//! All calls share one list, up to half of its capacity; those beyond have further ones, so that their answers fit in. Pieces
//! of chunked answers do not tell which call they are for, so after one was seen, for some minutes, or always if the settings
//! say so, each call has a list to itself for as long as it runs. Such lists are used again when their answer has come. One
//! whose call was given up is not, since the rest of its answer may still come.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::naming::PREFIX;
use super::reader::Reader;
use super::reply_list::{ReplyList, ReplyStatistics};
use super::ring::Ring;

/// Largest number of lists that are kept for calls to come.
const MAX_FREE_LISTS: usize = 256;

/// Largest number of names that are tried to find one that is on a master which is not given up.
const MAX_NAMES: u32 = 64;

/// A list that is read from.
#[derive(Debug)]
pub(super) struct OpenList {
    pub(super) list: Arc<ReplyList>,
    pub(super) reader: Arc<Reader>,
    usage: Usage,
    /// Number of calls, if it is shared by several.
    calls: AtomicUsize,
}

/// The calls that use a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    /// Those that need none of their own.
    Shared,
    /// The same, as the first has as many as it may.
    Further,
    /// One after the other.
    Single,
}

/// The reply lists of a client and service.
#[derive(Debug)]
pub(super) struct ReplyLists {
    ring: Arc<Ring>,
    /// The begin of their names in requests, up to the `!`.
    begin: String,
    next: AtomicU64,
    shared: Mutex<Arc<OpenList>>,
    /// Further lists, while there are more calls than one list may have.
    further: Mutex<Vec<Arc<OpenList>>>,
    /// Largest number of calls that share a list: their answers, and as many that come late, fit into it.
    most_calls: usize,
    free: Mutex<Vec<Arc<OpenList>>>,
    statistics: Arc<ReplyStatistics>,
}

impl ReplyLists {
    /// Opens the shared list. The names of all lists begin with `begin`, and go on with numbers from `number`.
    pub(super) fn new(
        ring: Arc<Ring>,
        begin: String,
        number: u64,
        capacity: usize,
        statistics: Arc<ReplyStatistics>,
    ) -> Self {
        let next = AtomicU64::new(number);
        Self {
            shared: Mutex::new(open(&ring, &begin, &next, Usage::Shared, &statistics)),
            further: Mutex::default(),
            most_calls: (capacity / 2).max(1),
            ring,
            begin,
            next,
            free: Mutex::default(),
            statistics,
        }
    }

    /// Returns the list for a call that is made now.
    pub(super) fn list(&self, now: Instant) -> Arc<OpenList> {
        if !self.statistics.needs_separate_lists() {
            return self.shared_list();
        }
        if self.statistics.end_separate_lists(now) {
            let free: Vec<_> = self.free().drain(..).collect();
            free.iter().for_each(|list| list.close());
            return self.shared_list();
        }
        if let Some(list) = self.free().pop() {
            return list;
        }
        self.open(Usage::Single)
    }

    /// Returns the list that calls share, or a further one if it has as many calls as it may.
    fn shared_list(&self) -> Arc<OpenList> {
        let shared = self.shared();
        if shared.calls.fetch_add(1, Ordering::Relaxed) < self.most_calls {
            return shared;
        }
        shared.calls.fetch_sub(1, Ordering::Relaxed);
        let mut further = lock(&self.further);
        let has_room = |list: &&Arc<OpenList>| list.calls.load(Ordering::Relaxed) < self.most_calls;
        let list = match further.iter().find(has_room) {
            Some(list) => Arc::clone(list),
            None => {
                let list = self.open(Usage::Further);
                further.push(Arc::clone(&list));
                list
            }
        };
        list.calls.fetch_add(1, Ordering::Relaxed);
        list
    }

    /// Goes on without the master of this reader, which is given up: the shared list, and those to come, are on others.
    pub(super) fn abandon(&self, lost: &Arc<Reader>) {
        let is_there = |list: &Arc<OpenList>| Arc::ptr_eq(&list.reader, lost);
        let (lost_lists, kept): (Vec<_>, Vec<_>) = self.free().drain(..).partition(is_there);
        self.free().extend(kept);
        lost_lists.iter().for_each(|list| list.close());
        // Their calls close them.
        lock(&self.further).retain(|list| !is_there(list));
        if is_there(&self.shared()) {
            let other = self.open(Usage::Shared);
            *lock(&self.shared) = other;
        }
    }

    fn open(&self, usage: Usage) -> Arc<OpenList> {
        let (ring, begin) = (&self.ring, &self.begin);
        open(ring, begin, &self.next, usage, &self.statistics)
    }

    fn shared(&self) -> Arc<OpenList> {
        Arc::clone(&lock(&self.shared))
    }

    /// The last failure to read answers within this time, or the one that still lasts.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.shared().reader.trouble(within)
    }

    /// Takes back the list of a call that has ended, with its answer or without.
    pub(super) fn release(&self, list: &Arc<OpenList>, is_answered: bool) {
        if list.usage == Usage::Shared {
            list.calls.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        if list.usage == Usage::Further {
            let mut further = lock(&self.further);
            if list.calls.fetch_sub(1, Ordering::Relaxed) == 1 {
                further.retain(|other| !Arc::ptr_eq(other, list));
                drop(further);
                list.close();
            }
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
        lock(&self.free)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for ReplyLists {
    fn drop(&mut self) {
        self.shared().close();
        let further = std::mem::take(&mut *lock(&self.further));
        for list in self.free().drain(..).chain(further) {
            list.close();
        }
    }
}

/// Opens the next list that is on a master which is not given up.
fn open(
    ring: &Ring,
    begin: &str,
    next: &AtomicU64,
    usage: Usage,
    statistics: &Arc<ReplyStatistics>,
) -> Arc<OpenList> {
    let mut tries = 0;
    let key = loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let key = format!("{PREFIX}{begin}{}", ring.suffix(number));
        tries += 1;
        if tries >= MAX_NAMES || !ring.reader(&key).is_lost() {
            break key;
        }
    };
    let reader = Arc::clone(ring.reader(&key));
    let list = Arc::new(ReplyList::new(
        key,
        ring.runtime(),
        reader.held(),
        statistics,
    ));
    reader.add(Arc::clone(&list));
    Arc::new(OpenList {
        list,
        reader,
        usage,
        calls: AtomicUsize::new(0),
    })
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
