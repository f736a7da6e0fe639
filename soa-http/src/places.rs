//! The places of requests that run.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The places of requests that run at once. Nobody waits for one: who finds none is refused.
#[derive(Debug)]
pub(crate) struct Places {
    left: AtomicUsize,
}

/// A place, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    pub(crate) const fn new(count: usize) -> Self {
        Self {
            left: AtomicUsize::new(count),
        }
    }

    /// Takes a place; `None` if all are taken.
    pub(crate) fn take(&self) -> Option<Place<'_>> {
        let less = |left: usize| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        taken.ok().map(|_| Place(self))
    }

    /// True if all places are taken.
    pub(crate) fn are_taken(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_left_can_be_taken_again() {
        let places = Places::new(2);
        let first = places.take();
        let second = places.take();
        assert!(first.is_some() && second.is_some() && places.are_taken());
        assert!(places.take().is_none());
        drop(first);
        assert!(!places.are_taken() && places.take().is_some());
    }
}
