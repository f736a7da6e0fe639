//! The time for which requests have been waiting without a break.
//!
//! No request is older than the time since its queue was known to be empty, or since everything that was in it has been
//! taken, whatever the clock of its sender says. The first is known when a pop brings less than it asked for. For the second
//! the length of the queue is asked, only while requests seem to be old: once as many were taken from here, those that come
//! now were sent later. At the start nothing is known, and the queue counts as empty.

use std::time::Duration;

use tokio::time::Instant;

/// Time after a request that seemed to be old for which the length of the queue is asked.
const SUSPICION_TIME: Duration = Duration::from_secs(1);

/// The times at which the queues at the masters were last empty.
#[derive(Debug, Default)]
pub(super) struct Standing {
    masters: Vec<MasterQueue>,
    /// Time at which a request last seemed to be old.
    suspected: Option<Instant>,
}

#[derive(Clone, Debug)]
struct MasterQueue {
    /// Time after which everything that comes was sent.
    emptied: Instant,
    mark: Mark,
}

/// The last request that was in a queue at some time.
#[derive(Clone, Copy, Debug)]
enum Mark {
    None,
    /// The length of the queue is being asked.
    Asked,
    /// The queue had so many requests then, as far as they are not taken.
    Left {
        at: Instant,
        count: usize,
    },
}

impl Standing {
    pub(super) fn new(masters: usize) -> Self {
        let queue = MasterQueue {
            emptied: Instant::now(),
            mark: Mark::None,
        };
        Self {
            masters: vec![queue; masters],
            suspected: None,
        }
    }

    /// Takes note of a request that seems to be old.
    pub(super) fn suspect(&mut self, now: Instant) {
        self.suspected = Some(now);
    }

    /// Takes note of a pop that ended `now`, which might have brought `asked` requests. True if the length of this queue has
    /// to be asked.
    pub(super) fn popped(
        &mut self,
        index: usize,
        asked: usize,
        brought: usize,
        now: Instant,
    ) -> bool {
        let Some(queue) = self.masters.get_mut(index) else {
            return false;
        };
        if brought < asked {
            queue.emptied = now;
            if let Mark::Left { .. } = queue.mark {
                queue.mark = Mark::None;
            }
            return false;
        }
        if let Mark::Left { at, count } = &mut queue.mark {
            match count.checked_sub(brought).filter(|left| *left > 0) {
                Some(left) => *count = left,
                None => {
                    queue.emptied = queue.emptied.max(*at);
                    queue.mark = Mark::None;
                }
            }
        }
        let is_suspected = |since| now.saturating_duration_since(since) < SUSPICION_TIME;
        let wants_length =
            matches!(queue.mark, Mark::None) && self.suspected.is_some_and(is_suspected);
        if wants_length {
            queue.mark = Mark::Asked;
        }
        wants_length
    }

    /// Takes note of the length that a queue had when it was asked; `None` if that is unknown.
    pub(super) fn measured(&mut self, index: usize, at: Instant, length: Option<usize>) {
        let Some(queue) = self.masters.get_mut(index) else {
            return;
        };
        queue.mark = match length {
            Some(0) => {
                queue.emptied = queue.emptied.max(at);
                Mark::None
            }
            Some(count) => Mark::Left { at, count },
            None => Mark::None,
        };
    }

    /// Returns the longest time for which one of the queues has had requests.
    pub(super) fn time(&self, now: Instant) -> Duration {
        let times = self.masters.iter();
        let times = times.map(|queue| now.saturating_duration_since(queue.emptied));
        times.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_gives_all_that_is_asked_for_stands() {
        let mut standing = Standing::new(1);
        for _ in 0..4 {
            tokio::time::advance(SECOND).await;
            assert!(!standing.popped(0, 32, 32, Instant::now()));
        }
        assert_eq!(standing.time(Instant::now()), 4 * SECOND);
        standing.popped(0, 32, 31, Instant::now());
        assert_eq!(standing.time(Instant::now()), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_all_that_was_there_is_younger() {
        let mut standing = Standing::new(1);
        tokio::time::advance(9 * SECOND).await;
        standing.suspect(Instant::now());
        assert!(standing.popped(0, 1, 1, Instant::now()));
        // It is asked once.
        assert!(!standing.popped(0, 1, 1, Instant::now()));
        standing.measured(0, Instant::now(), Some(3));
        for seconds in [10, 11] {
            tokio::time::advance(SECOND).await;
            standing.popped(0, 1, 1, Instant::now());
            assert_eq!(standing.time(Instant::now()), seconds * SECOND);
        }
        tokio::time::advance(SECOND).await;
        standing.popped(0, 1, 1, Instant::now());
        assert_eq!(standing.time(Instant::now()), 3 * SECOND);
    }
}
