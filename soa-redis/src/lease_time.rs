//! The times after which a process that gives no sign of life is given up for dead.
//!
//! A process renews its lease ten times in its `lease`, and at least once a second, as a sign of life also brings the news of
//! others. It tells Redis its times beside the lease. An observer gives nobody up sooner than after its own times, and nobody
//! sooner than after those of the other: one whose lease is longer may also renew it less often, and one that reconnects may
//! take longer.

use std::time::Duration;

use bytes::Bytes;

/// Longest time between two signs of life.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Number of signs of life in the time of a lease.
const TICKS: u32 = 10;

/// Number of signs of life that may be missed before a process without a connection counts as gone.
const MISSED_TICKS: u32 = 3;

/// The times of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaseTime {
    /// Time without a sign of life after which the process is given up.
    pub(super) lease: Duration,
    /// The same if its connection is gone.
    pub(super) gone_after: Duration,
}

impl Default for LeaseTime {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            gone_after: Duration::from_secs(3),
        }
    }
}

impl LeaseTime {
    /// Time between two signs of life.
    pub(super) fn tick(self) -> Duration {
        (self.lease / TICKS).min(LONGEST_TICK)
    }

    /// Time without a sign of life after which the process starts nothing that it would hold.
    pub(super) fn safe_time(self) -> Duration {
        self.lease * 4 / 5
    }

    /// Time limit of getting a connection in one tick.
    pub(super) fn link_timeout(self) -> Duration {
        self.tick() * 9 / 10
    }

    /// Time between two looks after which an observer has looked away, and begins anew.
    pub(super) fn longest_gap(self) -> Duration {
        self.tick() * MISSED_TICKS
    }

    /// Shortest time after which a process without a connection counts as gone.
    pub(super) fn least_gone_time(self) -> Duration {
        self.tick() * MISSED_TICKS
    }

    /// Returns the times as Redis keeps them: in milliseconds, with a space between.
    pub(super) fn write(self) -> Bytes {
        let Self { lease, gone_after } = self;
        format!("{} {}", lease.as_millis(), gone_after.as_millis()).into()
    }

    /// Reads the times of another process. One that tells none has those by default.
    pub(super) fn read(text: &str) -> Self {
        let mut times = text
            .split(' ')
            .map(|time| time.parse().map(Duration::from_millis));
        match (times.next(), times.next()) {
            (Some(Ok(lease)), Some(Ok(gone_after))) => Self { lease, gone_after },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_renewed_ten_times_and_at_least_once_a_second() {
        let tick = |seconds| {
            let time = LeaseTime {
                lease: Duration::from_secs(seconds),
                ..LeaseTime::default()
            };
            time.tick().as_millis()
        };
        assert_eq!([1, 4, 10, 60].map(tick), [100, 400, 1_000, 1_000]);
    }

    #[test]
    fn times_are_read_as_they_were_written() {
        let time = LeaseTime {
            lease: Duration::from_millis(1_500),
            gone_after: Duration::from_millis(700),
        };
        let written = time.write();
        assert_eq!(written, "1500 700");
        assert_eq!(LeaseTime::read("1500 700"), time);
        for text in ["", "1500", "x 1", "1 -1"] {
            assert_eq!(LeaseTime::read(text), LeaseTime::default(), "{text}");
        }
    }
}
