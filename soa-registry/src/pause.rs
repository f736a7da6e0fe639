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

#[cfg(test)]
mod tests {
    use super::*;

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
