//! What a server counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::lifetime::Blocking;
use crate::log_limit::LogLimit;
use crate::wire::DropReason;

/// Counters of a server, since it was built.
#[derive(Debug, Default)]
pub struct Stats {
    jobs: AtomicU64,
    /// How many handlers of blocking actions run on threads of their own.
    blocking: Arc<AtomicUsize>,
    dropped: [AtomicU64; DropReason::ALL.len()],
    logged: Logged,
}

/// What is not logged each time.
#[derive(Debug)]
struct Logged {
    drops: LogLimit,
    failures: LogLimit,
}

impl Default for Logged {
    fn default() -> Self {
        Self {
            drops: LogLimit::every(Duration::from_secs(1)),
            failures: LogLimit::every(Duration::from_secs(10)),
        }
    }
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

    /// Notes a handler of a blocking action as long as what this returns is there.
    pub(crate) fn blocking(&self) -> Blocking {
        Blocking::new(&self.blocking)
    }

    /// How many of them there are.
    pub(super) fn count_blocking(&self) -> usize {
        self.blocking.load(Ordering::Acquire)
    }

    /// Whether a dropped message is logged, and how many were not before it: at most one a second, so that a flood of bad
    /// messages does not become a flood of log lines.
    pub(super) fn may_log(&self) -> Option<u64> {
        self.logged.drops.count()
    }

    /// The same for a failure of the transport: at most one in ten seconds.
    pub(super) fn may_log_failure(&self) -> Option<u64> {
        self.logged.failures.count()
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
