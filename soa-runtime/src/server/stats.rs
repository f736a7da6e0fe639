//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::wire::DropReason;

/// Counters of a server, since it was built.
#[derive(Debug, Default)]
pub struct Stats {
    jobs: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    last_log: Mutex<Option<Instant>>,
}

impl Stats {
    /// How many jobs were started.
    pub fn jobs(&self) -> u64 {
        self.jobs.load(Ordering::Relaxed)
    }

    /// How many messages were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        let counter = DropReason::ALL
            .iter()
            .zip(&self.dropped)
            .find(|(known, _)| **known == reason);
        counter.map_or(0, |(_, counter)| counter.load(Ordering::Relaxed))
    }

    /// Whether a dropped message may be logged: at most one a second, so that a flood of bad messages does not
    /// become a flood of log lines.
    pub(super) fn may_log(&self) -> bool {
        let mut last = self.last_log.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= Duration::from_secs(1));
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    pub(super) fn count_job(&self) {
        self.jobs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, reason: DropReason) {
        for (known, counter) in DropReason::ALL.iter().zip(&self.dropped) {
            if *known == reason {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
