//! Limits for log lines that may come in floods.
//!
//! A failure of one message often repeats for all of them, thousands a second. The first is logged at once, and then
//! one in each interval, with the number of those that were left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one of many log lines through in each interval.
#[derive(Debug)]
pub struct LogLimit {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    kept_back: u64,
}

impl LogLimit {
    /// Returns a limit of one line in each interval.
    pub fn every(every: Duration) -> Self {
        Self {
            every,
            state: Mutex::default(),
        }
    }

    /// Counts one more line. If it is to be logged, returns the number of lines that were left out before it.
    pub fn count(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < self.every) {
            state.kept_back += 1;
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_is_told_with_the_number_of_the_others() {
        let limit = LogLimit::every(Duration::from_secs(3600));
        assert_eq!(limit.count(), Some(0));
        for _ in 0..5 {
            assert_eq!(limit.count(), None);
        }
        limit.state.lock().unwrap().last = None;
        assert_eq!(limit.count(), Some(5));
        assert_eq!(LogLimit::every(Duration::ZERO).count(), Some(0));
    }
}
