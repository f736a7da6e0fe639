//! The watch of a connection, by which Redis carries out a transaction only if nothing was written to a key meanwhile.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Time without a push after which the watch of a process may become that of another one.
const IDLE_TIME: Duration = Duration::from_secs(1);

/// The watch of a connection.
#[derive(Debug)]
pub(super) struct Watched {
    state: State,
    process: Bytes,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Missing,
    /// Somebody uses it, or sets it.
    Busy,
    /// The process was not given up when it was set.
    Set,
    /// The login may not have one.
    Refused,
}

impl Watched {
    /// No watch.
    pub(super) fn new() -> Self {
        Self {
            state: State::Missing,
            process: Bytes::new(),
            since: Instant::now(),
        }
    }

    /// Takes the watch for a push. False if there is none for this process.
    pub(super) fn take(&mut self, process: &Bytes) -> bool {
        let is_there = self.state == State::Set && self.process == *process;
        if is_there {
            self.state = State::Busy;
        }
        is_there
    }

    /// Begins to set the watch. False if there is one, or none can be had.
    pub(super) fn begin(&mut self, process: &Bytes) -> bool {
        let is_free = match self.state {
            State::Missing => true,
            State::Set => self.process != *process && self.since.elapsed() >= IDLE_TIME,
            State::Busy | State::Refused => false,
        };
        if is_free {
            self.state = State::Busy;
            self.process = process.clone();
        }
        is_free
    }

    pub(super) fn end(&mut self, state: State) {
        self.state = state;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: fn(&mut Watched) = |watched| watched.end(State::Set);

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_used_by_one_push_of_its_process_at_a_time() {
        let [one, other] = ["one", "other"].map(Bytes::from);
        let mut watched = Watched::new();
        assert!(!watched.take(&one));
        assert!(watched.begin(&one) && !watched.begin(&one) && !watched.take(&one));
        SET(&mut watched);
        assert!(!watched.take(&other) && !watched.begin(&other));
        assert!(watched.take(&one) && !watched.take(&one));
        SET(&mut watched);
        tokio::time::advance(IDLE_TIME).await;
        assert!(!watched.begin(&one));
        assert!(watched.begin(&other));
        watched.end(State::Refused);
        assert!(!watched.begin(&one) && !watched.take(&other));
    }
}
