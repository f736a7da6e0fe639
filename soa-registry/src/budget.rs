//! The budget of repeats: an attempt after one that was sent is paid for by other calls.
//!
//! In any 10 seconds, a component gets at most 100 repeats (10 a second), and one more for each 10 calls of that time. So an
//! outage does not become a flood: a component that fails gets a tenth more requests than usual, and not three times as many.
//! An attempt after one that was never sent costs nothing, as the component has not noticed that one.
//!
//! A call costs one addition here, without a lock. Only repeats take one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Number of seconds over which repeats are saved.
const SECONDS: usize = 10;

/// Number of repeats a second that need no calls.
const RESERVE: u64 = 10;

/// Number of calls that pay for a repeat.
const CALLS: u64 = 10;

/// Number of bits of a slot that count calls. The others are the second that the slot is about.
const COUNT_BITS: u32 = 40;

/// The budget of the repeats of one component.
#[derive(Debug)]
pub(crate) struct Budget {
    begin: Instant,
    /// The calls of the last seconds: a second, and the calls in it.
    calls: [AtomicU64; SECONDS],
    /// The repeats of the last seconds.
    repeats: Mutex<[(u64, u64); SECONDS]>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            calls: [const { AtomicU64::new(0) }; SECONDS],
            repeats: Mutex::default(),
        }
    }

    /// Counts a call.
    pub(crate) fn count_call(&self, now: Instant) {
        let second = self.second(now);
        let Some(slot) = self.calls.get(place(second)) else {
            return;
        };
        let seen = slot.load(Ordering::Relaxed);
        if seen >> COUNT_BITS == second {
            slot.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // Whoever loses here is not counted: one call of many.
        let first = (second << COUNT_BITS) | 1;
        let _ = slot.compare_exchange(seen, first, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Takes one repeat out of the budget. Returns false if there is none.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let second = self.second(now);
        let is_recent = |of: u64| of + (SECONDS as u64) > second && of <= second;
        let calls = self.calls.iter().map(|slot| slot.load(Ordering::Relaxed));
        let calls: u64 = calls
            .filter(|slot| is_recent(slot >> COUNT_BITS))
            .map(|slot| slot & ((1 << COUNT_BITS) - 1))
            .sum();
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = repeats.iter().filter(|(of, _)| is_recent(*of));
        let taken: u64 = recent.map(|(_, count)| count).sum();
        if taken >= RESERVE * (SECONDS as u64) + calls / CALLS {
            return false;
        }
        if let Some(slot) = repeats.get_mut(place(second)) {
            match slot.0 == second {
                true => slot.1 += 1,
                false => *slot = (second, 1),
            }
        }
        true
    }

    /// Returns the number of the second. It begins behind the slots that are empty.
    fn second(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begin);
        (since + Duration::from_secs(SECONDS as u64)).as_secs()
    }
}

/// Returns the place of a second among the slots.
fn place(second: u64) -> usize {
    usize::try_from(second % (SECONDS as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget, now: Instant) -> u32 {
        let mut count = 0;
        while count < 10_000 && budget.take(now) {
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn without_calls_there_are_ten_repeats_a_second_saved_over_ten_seconds() {
        let budget = Budget::new();
        assert_eq!(taken(&budget, Instant::now()), 100);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(taken(&budget, Instant::now()), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken(&budget, Instant::now()), 100);
        tokio::time::advance(Duration::from_secs(86_400)).await;
        assert_eq!(taken(&budget, Instant::now()), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_calls_pay_for_one_repeat_and_no_longer_than_ten_seconds() {
        let budget = Budget::new();
        for _ in 0..10 {
            for _ in 0..500 {
                budget.count_call(Instant::now());
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The calls of the first second have passed.
        assert_eq!(taken(&budget, Instant::now()), 100 + 450);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(taken(&budget, Instant::now()), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_steady_failure_gets_a_tenth_more_requests() {
        let budget = Budget::new();
        let (mut calls, mut repeats) = (0, 0);
        for _ in 0..600 {
            for _ in 0..200 {
                calls += 1;
                budget.count_call(Instant::now());
                repeats += u32::from(budget.take(Instant::now()));
            }
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let share = f64::from(repeats) / f64::from(calls);
        assert!((0.09..0.12).contains(&share), "{share}");
    }
}
