//! The clock of a Redis, compared with that of this machine.
//!
//! The time at which a request expires is by its caller's clock, and a server drops an expired request without an answer.
//! So a server whose clock is ahead drops requests that still have time, and their callers hear nothing. A caller does not see
//! the server's clock, but it can ask for Redis' own: machines of one place tend to have the same time, and if Redis is ahead
//! of the caller by as much as a call may take, the clocks are the likely reason for its timeout.
//!
//! The comparison is made on each new connection for pushing, and again after a call that timed out, once a minute at most.
//! A login that may not ask for the time has no comparison.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time after which the clocks are compared again when a call times out.
const COMPARISON_AGE: Duration = Duration::from_secs(60);

/// The clock of a Redis.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Time by which it is at least ahead of this machine's; zero if it is not.
    ahead: Duration,
    /// Time of the last comparison that was begun.
    compared: Option<Instant>,
}

impl Clock {
    /// Records the beginning of a comparison.
    pub(super) fn begin(&self) {
        self.state().compared = Some(Instant::now());
    }

    /// Records the time that Redis reports, and the time here at which the report arrived, both in Unix seconds.
    pub(super) fn record(&self, theirs: f64, arrived: f64) {
        // The report is older than its arrival, so this is the least that the clock can be ahead.
        let ahead = Duration::try_from_secs_f64(theirs - arrived);
        self.state().ahead = ahead.unwrap_or_default();
    }

    /// Returns true if a comparison is due after a call that timed out, and records that it begins.
    pub(super) fn is_due(&self) -> bool {
        let mut state = self.state();
        let compared = state.compared;
        if compared.is_some_and(|compared| compared.elapsed() < COMPARISON_AGE) {
            return false;
        }
        state.compared = Some(Instant::now());
        true
    }

    /// The time by which it is ahead, if that may be the reason why a call timed out.
    pub(super) fn ahead(&self, timeout: Duration) -> Option<Duration> {
        let ahead = self.state().ahead;
        // A server with such a clock has half of the time, or none at all, to take the request.
        (!ahead.is_zero() && ahead.saturating_mul(2) >= timeout).then_some(ahead)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while this is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_clock_that_is_ahead_by_half_of_a_timeout_may_be_its_reason() {
        let clock = Clock::default();
        assert_eq!(clock.ahead(SECOND), None);
        clock.record(1_000.0, 998.5);
        assert_eq!(clock.ahead(SECOND), Some(SECOND * 3 / 2));
        assert_eq!(clock.ahead(3 * SECOND), Some(SECOND * 3 / 2));
        assert_eq!(clock.ahead(4 * SECOND), None);
    }

    #[test]
    fn a_clock_that_is_behind_or_makes_no_sense_is_no_reason() {
        let clock = Clock::default();
        for theirs in [990.0, 1_000.0, f64::NAN, f64::INFINITY, -1.0] {
            clock.record(theirs, 1_000.0);
            assert_eq!(clock.ahead(Duration::from_millis(1)), None, "{theirs}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_are_compared_once_a_minute_at_most() {
        let clock = Clock::default();
        assert!(clock.is_due());
        assert!(!clock.is_due());
        tokio::time::advance(COMPARISON_AGE).await;
        assert!(clock.is_due());
        tokio::time::advance(COMPARISON_AGE).await;
        clock.begin();
        assert!(!clock.is_due());
    }
}
