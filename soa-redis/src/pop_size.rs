//! The number of messages in one pop.
//!
//! Two things bound it. **Bytes:** Redis cuts a connection whose answer is larger than `client-output-buffer-limit`, and what
//! was in the answer is lost. So a list is popped 1, 2, 4, … messages at a time, as long as those that came last would still
//! be small in sum, and one at a time after a large one. **Distance:** a pop brings what it asked for once in a round trip.
//! If that is long, pops grow with it; if it is short, a larger pop would only take requests that another worker could
//! start earlier.

use std::time::Duration;

use bytes::Bytes;
use soa_runtime::transport::Received;

/// Size of the messages in a pop, as far as those before tell.
pub(super) const POP_SIZE: usize = 1024 * 1024;

/// Round trip that is as good as none.
const SHORT_ROUND_TRIP: Duration = Duration::from_millis(2);

/// Largest number of messages in one pop, however long the round trip.
const MAX_COUNT: usize = 4096;

/// Number of full pops among which the quickest tells the round trip.
const WINDOW: u32 = 64;

/// Number of messages from which on a pop that brings them all has hardly waited for them.
const TELLING_COUNT: usize = 8;

/// Returns the largest number of messages in the next pop, after one that was allowed `count` and brought these.
pub(super) fn next_count<T: HasFrame>(count: usize, frames: &[T]) -> usize {
    let Some(largest) = frames.iter().map(|one| one.frame().len()).max() else {
        return count;
    };
    let grown = match frames.len() < count {
        true => count,
        false => count.saturating_mul(2),
    };
    grown.min(POP_SIZE / largest.max(1)).clamp(1, MAX_COUNT)
}

/// A message, or what is made of one.
pub(super) trait HasFrame {
    fn frame(&self) -> &Bytes;
}

impl HasFrame for Bytes {
    fn frame(&self) -> &Bytes {
        self
    }
}

impl HasFrame for Received {
    fn frame(&self) -> &Bytes {
        &self.frame
    }
}

/// Returns the largest number of messages in a pop over this round trip. `count` is that of a short one.
pub(super) fn most(count: usize, round_trip: Duration) -> usize {
    if round_trip <= SHORT_ROUND_TRIP {
        return count;
    }
    let millis = usize::try_from(round_trip.as_millis()).unwrap_or(MAX_COUNT);
    count.saturating_mul(millis).clamp(count, MAX_COUNT)
}

/// The round trip to a master: no longer than the quickest of many pops.
///
/// A process that is busy sees its answers late, however near Redis is. So the trial of the connection counts as well, which
/// is made before there is work.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrip {
    window: Duration,
    previous: Duration,
    pops: u32,
}

impl RoundTrip {
    /// A round trip that no pop has told yet.
    pub(super) fn new() -> Self {
        Self {
            window: Duration::MAX,
            previous: Duration::MAX,
            pops: 0,
        }
    }

    /// Takes note of a pop.
    pub(super) fn popped(&mut self, asked: usize, brought: usize, took: Duration) {
        if brought < asked || asked < TELLING_COUNT {
            return; // It may have waited for messages.
        }
        self.window = self.window.min(took);
        self.pops += 1;
        if self.pops >= WINDOW {
            self.previous = std::mem::replace(&mut self.window, Duration::MAX);
            self.pops = 0;
        }
    }

    /// Returns the round trip, with the one that the trial of the connection took; none as long as no pop has told.
    pub(super) fn get(&self, trial: Duration) -> Duration {
        match self.window.min(self.previous) {
            Duration::MAX => Duration::ZERO,
            quickest => quickest.min(trial),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(count: usize, size: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![0; size]); count]
    }

    #[test]
    fn pops_of_small_messages_double_and_those_of_large_ones_do_not() {
        assert_eq!(next_count(1, &frames(1, 100)), 2);
        assert_eq!(next_count(64, &frames(64, 100)), 128);
        assert_eq!(next_count(64, &frames(3, 100)), 64);
        assert_eq!(next_count(64, &frames(0, 0)), 64);
        assert_eq!(next_count(1, &frames(1, 1_000_000)), 1);
        assert_eq!(next_count(16, &frames(16, 60_000)), 17);
        // A single one is enough.
        let mixed = [frames(63, 100), frames(1, 5_000_000)].concat();
        assert_eq!(next_count(64, &mixed), 1);
    }

    #[test]
    fn a_long_way_has_larger_pops() {
        let far = Duration::from_millis(200);
        assert_eq!(most(32, Duration::from_millis(1)), 32);
        assert_eq!(most(32, Duration::from_millis(20)), 640);
        assert_eq!(most(32, far), MAX_COUNT);
        let mut round_trip = RoundTrip::new();
        assert_eq!(round_trip.get(far), Duration::ZERO);
        // Pops that may have waited tell nothing.
        round_trip.popped(1, 1, far);
        round_trip.popped(32, 31, far);
        assert_eq!(round_trip.get(far), Duration::ZERO);
        round_trip.popped(32, 32, far * 2);
        assert_eq!(round_trip.get(far), far);
        assert_eq!(round_trip.get(far / 100), far / 100);
    }

    #[test]
    fn a_way_that_becomes_longer_is_noticed() {
        let (near, far) = (Duration::from_millis(1), Duration::from_millis(200));
        let mut round_trip = RoundTrip::new();
        round_trip.popped(32, 32, near);
        (0..2 * WINDOW).for_each(|_| round_trip.popped(32, 32, far));
        assert_eq!(round_trip.get(far), far);
    }
}
