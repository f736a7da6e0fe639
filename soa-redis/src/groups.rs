//! The reply lists that a reader takes from, a bounded number at a time.
//!
//! There is one list for each service, or one for each call while answers come in pieces. Redis has to look at every list
//! that a pop names, and to note every one that it waits for, so a pop names [`GROUP_SIZE`] of them at most; the others
//! have their turn next. Adding, removing and finding a list take the same time however many there are.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::reply_list::ReplyList;

/// Largest number of lists in one command.
const GROUP_SIZE: usize = 256;

/// The lists of a reader.
#[derive(Debug, Default)]
pub(super) struct Groups {
    lists: Vec<Arc<ReplyList>>,
    places: FxHashMap<Bytes, usize>,
    /// Place of the first list of the next group.
    next: usize,
}

/// The lists in one command.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) keys: Vec<Bytes>,
    /// Number of all lists of the reader.
    pub(super) total: usize,
    /// Largest number of messages in one pop that each of these lists allows.
    pub(super) count: usize,
    /// True if some of them allow more.
    pub(super) is_mixed: bool,
}

impl Groups {
    pub(super) fn add(&mut self, list: Arc<ReplyList>) {
        self.places.insert(list.key.clone(), self.lists.len());
        self.lists.push(list);
    }

    pub(super) fn remove(&mut self, list: &ReplyList) {
        let Some(place) = self.places.remove(&list.key) else {
            return;
        };
        self.lists.swap_remove(place);
        if let Some(moved) = self.lists.get(place) {
            self.places.insert(moved.key.clone(), place);
        }
    }

    pub(super) fn find(&self, key: &Bytes) -> Option<Arc<ReplyList>> {
        let list = self.lists.get(*self.places.get(key)?)?;
        Some(Arc::clone(list))
    }

    /// All lists.
    pub(super) fn lists(&self) -> &[Arc<ReplyList>] {
        &self.lists
    }

    /// Returns the next lists to take from. Redis serves the first that has something: each has its turn to be that.
    pub(super) fn group(&mut self) -> Group {
        let total = self.lists.len();
        let first = self.next.checked_rem(total).unwrap_or(0);
        let (before, after) = self.lists.split_at(first);
        let mut keys = Vec::with_capacity(total.min(GROUP_SIZE));
        let (mut count, mut most) = (usize::MAX, 0);
        for list in after.iter().chain(before).take(GROUP_SIZE) {
            keys.push(list.key.clone());
            let allowed = list.pop_count();
            (count, most) = (count.min(allowed), most.max(allowed));
        }
        self.next = match total <= GROUP_SIZE {
            true => first + 1,
            false => first + GROUP_SIZE,
        };
        Group {
            keys,
            total,
            count,
            is_mixed: count < most,
        }
    }
}
