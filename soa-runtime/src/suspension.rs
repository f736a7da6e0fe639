//! Pauses of this process that it did not choose: it was stopped by a signal or a debugger, or its container or machine was.
//!
//! Afterwards all that it had waited for is overdue, and looks as if the others had not answered. They did, perhaps, and
//! nobody has read it. Whoever finds that a time limit has passed asks here before it accuses somebody.
//!
//! A pause is noticed by a clock that has jumped: a thread or a timer was to wake at some time, and did so much later. A
//! timer of a runtime is late, too, if a handler has blocked its thread; for a time limit that is the same.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest delay that counts as a pause. A busy machine has shorter ones.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Time after a pause in which others that notice it do not log it again.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// The time at which the last pause was noticed.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Records that something that was due at this time happens only now. Returns the length of the pause, if that was one, and
/// has to be logged.
pub fn woke(due: Instant) -> Option<Duration> {
    let now = Instant::now();
    let late = now.saturating_duration_since(due);
    if late < LEAST_PAUSE {
        return None;
    }
    let last = LAST
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(now);
    last.is_none_or(|last| now.saturating_duration_since(last) >= LOG_INTERVAL)
        .then_some(late)
}

/// Logs a pause.
pub fn tell(length: Duration) {
    tracing::warn!(
        ?length,
        "this process did not run for some time: it was stopped, its machine was, or a handler blocked its thread"
    );
}

/// Returns true if a pause was noticed since this time.
pub fn was_noticed_since(time: Instant) -> bool {
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.is_some_and(|last| last >= time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_a_pause_and_a_small_delay_is_none() {
        let start = Instant::now();
        let Some(long_ago) = start.checked_sub(LEAST_PAUSE * 3) else {
            return; // The machine has just started.
        };
        assert_eq!(woke(start), None);
        assert!(!was_noticed_since(start));
        assert!(woke(long_ago).is_some_and(|late| late >= LEAST_PAUSE * 3));
        // It is told once.
        assert_eq!(woke(long_ago), None);
        assert!(was_noticed_since(start));
    }
}
