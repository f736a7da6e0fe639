//! The reply lists that a reader takes from, a bounded number at a time.
//!
//! There is one list for each service, or one for each call while answers come in pieces. Redis has to look at every list
//! that a pop names, and to note every one that it waits for, so a pop names [`GROUP`] of them at most; the others have
//! their turn next. Adding, removing and finding a list take the same time however many there are.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::lists::ReplyList;

/// So many lists are named by one command at most.
const GROUP: usize = 256;

/// The lists of a reader.
#[derive(Debug, Default)]
pub(super) struct Groups {
    lists: Vec<Arc<ReplyList>>,
    places: FxHashMap<Bytes, usize>,
    /// Where the next group begins.
    next: usize,
}

/// The lists that one command names.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) keys: Vec<Bytes>,
    /// How many lists there are.
    pub(super) total: usize,
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

    /// The next lists to take from. Redis serves the first that has something: each has its turn to be that.
    pub(super) fn group(&mut self) -> Group {
        let total = self.lists.len();
        let first = self.next.checked_rem(total).unwrap_or(0);
        let (before, after) = self.lists.split_at(first);
        let keys: Vec<_> = after
            .iter()
            .chain(before)
            .take(GROUP)
            .map(|list| list.key.clone())
            .collect();
        self.next = match total <= GROUP {
            true => first + 1,
            false => first + GROUP,
        };
        Group { keys, total }
    }
}
