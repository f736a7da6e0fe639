//! Pauses before a registry is asked again.

use std::time::Duration;

use crate::random;

/// Longest first pause, and longest pause of all.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses after failures in a row: each up to twice as long as the one before, and never the same for two processes, so
/// that a registry that is back is not asked by everybody at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pauses {
    failures: u32,
}

impl Pauses {
    /// Returns the pause after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        longest.min(LONGEST).mul_f64(0.5 + random::fraction() / 2.0)
    }

    /// Begins anew, after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Shortest and longest rest after an answer. An answer that takes as long as the longest has been waited for.
const SHORTEST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// The rests after answers, from the end of the work on one to the next question: each twice as long as the one before, while
/// answers come at once. So neither a busy registry nor a long list keeps this process busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rests {
    next: Duration,
}

impl Default for Rests {
    fn default() -> Self {
        Self {
            next: SHORTEST_REST,
        }
    }
}

impl Rests {
    /// Returns the rest after an answer that took this time.
    pub(crate) fn after(&mut self, took: Duration) -> Duration {
        if took >= LONGEST_REST {
            self.next = SHORTEST_REST;
        }
        let rest = self.next;
        self.next = LONGEST_REST.min(rest * 2);
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_while_answers_come_at_once() {
        let mut rests = Rests::default();
        let at_once = Duration::from_millis(200);
        for millis in [50, 100, 200, 400, 800, 1000, 1000] {
            assert_eq!(rests.after(at_once), Duration::from_millis(millis));
        }
        let waited = Duration::from_secs(60);
        for _ in 0..2 {
            assert_eq!(rests.after(waited), Duration::from_millis(50));
        }
        assert_eq!(rests.after(at_once), Duration::from_millis(100));
    }

    #[test]
    fn pauses_grow_up_to_ten_seconds_and_begin_anew() {
        let mut pauses = Pauses::default();
        for longest in [500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
            let longest = Duration::from_millis(longest);
            let pause = pauses.next();
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?}");
        }
        pauses.failures = u32::MAX;
        assert!(pauses.next() <= LONGEST);
        pauses.reset();
        assert!(pauses.next() <= FIRST);
    }
}
