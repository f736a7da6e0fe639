//! The counters of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::lifetime::Blocking;
use crate::log_limit::LogLimit;
use crate::wire::DropReason;

/// Counters of a server, since it was built.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::server::DropReason;
///
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// assert_eq!(server.stats().jobs(), 0);
/// assert_eq!(server.stats().dropped(DropReason::Expired), 0);
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Debug, Default)]
pub struct Stats {
    jobs: AtomicU64,
    refused: AtomicU64,
    /// The number of handlers of blocking actions that run on threads of their own.
    blocking: Arc<AtomicUsize>,
    dropped: [AtomicU64; DropReason::ALL.len()],
    logged: Logged,
}

/// The limits of log lines.
#[derive(Debug)]
struct Logged {
    drops: LogLimit,
    expired: LogLimit,
    failures: LogLimit,
    refused: LogLimit,
    undeliverable: LogLimit,
}

impl Default for Logged {
    fn default() -> Self {
        Self {
            drops: LogLimit::every(Duration::from_secs(1)),
            expired: LogLimit::every(Duration::from_secs(10)),
            failures: LogLimit::every(Duration::from_secs(10)),
            refused: LogLimit::every(Duration::from_secs(10)),
            undeliverable: LogLimit::every(Duration::from_secs(10)),
        }
    }
}

impl Stats {
    /// Returns the number of jobs that were started.
    pub fn jobs(&self) -> u64 {
        self.jobs.load(Ordering::Relaxed)
    }

    /// Returns the number of jobs that were refused, as the server is overloaded or the caller takes no response. They were
    /// not started.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns the number of messages that were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        let counter = DropReason::ALL
            .iter()
            .zip(&self.dropped)
            .find(|(known, _)| **known == reason);
        counter.map_or(0, |(_, counter)| counter.load(Ordering::Relaxed))
    }

    /// Counts a handler of a blocking action until the returned guard is dropped.
    pub(crate) fn blocking(&self) -> Blocking {
        Blocking::new(&self.blocking)
    }

    /// Returns the number of handlers of blocking actions that run.
    pub(super) fn count_blocking(&self) -> usize {
        self.blocking.load(Ordering::Acquire)
    }

    /// Returns the number of lines left out since the last one if a dropped message is to be logged: at most one a
    /// second, so that a flood of bad messages does not become a flood of log lines.
    pub(super) fn may_log(&self) -> Option<u64> {
        self.logged.drops.count()
    }

    /// Returns the same for a request that had expired: at most one in ten seconds.
    pub(super) fn may_log_expired(&self) -> Option<u64> {
        self.logged.expired.count()
    }

    /// Returns the same for a failure of the transport: at most one in ten seconds.
    pub(super) fn may_log_failure(&self) -> Option<u64> {
        self.logged.failures.count()
    }

    /// Returns the same for a request that is refused: at most one in ten seconds.
    pub(super) fn may_log_refused(&self) -> Option<u64> {
        self.logged.refused.count()
    }

    /// Returns the same for a request whose caller takes no responses: at most one in ten seconds.
    pub(super) fn may_log_undeliverable(&self) -> Option<u64> {
        self.logged.undeliverable.count()
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
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
