//! The age of requests: those that are worth starting, and those that are not.
//!
//! ```text
//! age    = time since the request was sent, but not more than the queue has been waiting without a break
//! bound  = patience of the caller − usual time of the job and a twentieth for the way back
//!          half of the patience of the caller, once the queue has stood for as long as that
//! refuse = the age has reached the bound
//! ```
//!
//! A server with more to do than it can would otherwise start every request when there is almost no time left for it: it
//! works as much as it can, and nobody waits for the answers. What is refused costs nothing but its answer, so those that
//! are started are answered in time.
//!
//! The patience is the `timeout` of the control header. A caller that does not tell it is taken to wait as long as the
//! settings of the transport say; only for such callers is the bound halved. A request without an answer is never
//! refused, since nobody waits for it. A request that found the queue empty is never refused either, whatever the clocks
//! of the two machines say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::transport::Backlog;

/// Steps of the usual time, as parts of it: up after a longer one, and down after a shorter one. About 31 of 32 are shorter.
const STEPS: (u64, u64) = (31, 1);

/// The part of the usual time that is one step.
const STEP_PART: u64 = 256;

/// The part of the patience of a caller that is left for the response to get there.
const WAY_BACK_PART: u32 = 20;

/// The usual time of an action: about 31 of 32 runs take no longer.
///
/// It is one number that is moved a little with each run. Two runs that end at the same moment may count as one, which
/// changes little.
#[derive(Debug, Default)]
pub(super) struct UsualTime(AtomicU64);

impl UsualTime {
    /// Takes one more run into account.
    pub(super) fn record(&self, took: Duration) {
        let took = micros(took);
        let usual = self.0.load(Ordering::Relaxed);
        let step = (usual / STEP_PART).max(1);
        let moved = match usual {
            0 => took,
            _ if took > usual => usual.saturating_add(step * STEPS.0).min(took),
            _ => usual.saturating_sub(step * STEPS.1).max(took),
        };
        if moved != usual {
            self.0.store(moved, Ordering::Relaxed);
        }
    }

    /// The usual time, as far as it is known.
    pub(super) fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// The verdict about a request by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Worth starting.
    Fine,
    /// Old, and there are younger ones behind it.
    Old,
    /// Too old for its caller to get the response.
    TooOld,
}

impl Verdict {
    /// Judges a request.
    ///
    /// `age` is no more than the queue has been standing: the clocks of the two machines may differ, and what is in a queue
    /// that was empty came after that.
    pub(super) fn on(
        age: Duration,
        backlog: Backlog,
        stated: Option<Duration>,
        usual: impl FnOnce() -> Duration,
    ) -> Self {
        let Some(patience) = stated.or(backlog.patience) else {
            return Self::Fine;
        };
        let half = patience / 2;
        if age < half {
            return Self::Fine;
        }
        // Whatever an action takes, a request that has hardly waited is started: otherwise one that once took long would never
        // be run again, and never be known to be quicker.
        let needed = usual().saturating_add(patience / WAY_BACK_PART);
        if age >= patience.saturating_sub(needed.min(half)) {
            return Self::TooOld;
        }
        match stated.is_none() && backlog.standing >= patience {
            true => Self::Old,
            false => Self::Fine,
        }
    }
}

/// Time for which a server with free places looks for younger requests before it starts old ones.
const SEARCH_TIME: Duration = Duration::from_millis(5);

/// The search for requests that are younger than those at the head of the queue.
///
/// If requests come as fast as they can be taken, there is no end of the old ones, and refusing all of them would leave
/// the server idle. So a server that has had free places for a moment starts what it has.
#[derive(Debug)]
pub(super) struct Search {
    begun: Instant,
    /// Time since which there are free places, in microseconds from `begun`; 0 while there are none.
    since: AtomicU64,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            since: AtomicU64::new(0),
        }
    }
}

impl Search {
    /// Returns true if an old request is to be refused, while so many jobs run.
    pub(super) fn goes_on(&self, running: usize, concurrency: usize) -> bool {
        if is_busy(running, concurrency) {
            self.end();
            return true;
        }
        let now = micros(self.begun.elapsed()).max(1);
        let order = Ordering::Relaxed;
        let since = match self.since.compare_exchange(0, now, order, order) {
            Ok(_) => now,
            Err(since) => since,
        };
        now.saturating_sub(since) < micros(SEARCH_TIME)
    }

    /// Takes note of a job that is started beside so many others.
    pub(super) fn started(&self, running: usize, concurrency: usize) {
        if self.since.load(Ordering::Relaxed) != 0 && is_busy(running + 1, concurrency) {
            self.end();
        }
    }

    fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }
}

/// True if hardly any place is free.
fn is_busy(running: usize, concurrency: usize) -> bool {
    running.saturating_mul(16) >= concurrency.saturating_mul(15)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backlog(standing: Duration) -> Backlog {
        Backlog {
            standing,
            patience: Some(5 * SECOND),
            ..Backlog::default()
        }
    }

    fn verdict(age: Duration, standing: Duration, stated: Option<Duration>) -> Verdict {
        Verdict::on(age, backlog(standing), stated, || SECOND)
    }

    #[test]
    fn a_burst_is_worked_off_as_long_as_callers_wait() {
        assert_eq!(verdict(SECOND * 37 / 10, SECOND * 4, None), Verdict::Fine);
        assert_eq!(verdict(SECOND * 38 / 10, SECOND * 4, None), Verdict::TooOld);
    }

    #[test]
    fn a_queue_that_has_stood_for_long_is_kept_short() {
        let minute = SECOND * 60;
        assert_eq!(verdict(SECOND * 24 / 10, minute, None), Verdict::Fine);
        assert_eq!(verdict(SECOND * 25 / 10, minute, None), Verdict::Old);
        assert_eq!(verdict(SECOND * 4, minute, None), Verdict::TooOld);
        // Whoever tells how long it waits is served for as long.
        let stated = Some(SECOND * 10);
        assert_eq!(verdict(SECOND * 8, minute, stated), Verdict::Fine);
        assert_eq!(verdict(SECOND * 9, minute, stated), Verdict::TooOld);
    }

    #[test]
    fn an_action_that_takes_longer_than_callers_wait_is_started_all_the_same() {
        let verdict = |age| Verdict::on(age, backlog(SECOND * 4), None, || SECOND * 60);
        assert_eq!(verdict(SECOND * 2), Verdict::Fine);
        assert_eq!(verdict(SECOND * 3), Verdict::TooOld);
    }

    #[test]
    fn a_server_that_finds_no_younger_requests_starts_old_ones() {
        let search = Search::default();
        assert!(search.goes_on(20, 20));
        assert!(search.goes_on(0, 20));
        std::thread::sleep(SEARCH_TIME * 2);
        assert!(!search.goes_on(0, 20));
        // Not only one.
        search.started(0, 20);
        assert!(!search.goes_on(1, 20));
        search.started(18, 20);
        assert!(search.goes_on(0, 20));
    }

    #[test]
    fn the_usual_time_is_what_nearly_all_stay_below() {
        let usual = UsualTime::default();
        for run in 0..20_000_u64 {
            // From 1 to 100 ms, in an order that mixes them.
            usual.record(Duration::from_millis(run * 37 % 100 + 1));
        }
        let found = usual.get().as_millis();
        assert!((90..=100).contains(&found), "{found}");
        // It follows when the action becomes quicker.
        for _ in 0..3_000 {
            usual.record(Duration::from_millis(2));
        }
        assert_eq!(usual.get(), Duration::from_millis(2));
    }
}
