//! The time limit of commands that come one after the other.
//!
//! A timer for each of them would be set, and taken back, for nothing, and whenever it is the next one to end the
//! runtime is interrupted by a system call. So a task that sends commands has one timer, which each command sets anew.

use std::pin::Pin;
use std::time::Duration;

use soa_runtime::suspension;
use tokio::time::{Instant, Sleep};

use crate::settings::bounded;

/// Time without an answer after which a command makes one doubt that the master is where it is believed to be.
pub(super) const DOUBT_AFTER: Duration = Duration::from_millis(500);

/// Time in which an answer that is there already is read, after a pause of this process.
const READING_TIME: Duration = Duration::from_millis(100);

/// The time limit of a task's commands, one at a time.
#[derive(Debug)]
pub(in super::super) struct Limit {
    timer: Pin<Box<Sleep>>,
    end: Instant,
}

impl Limit {
    /// A limit that has passed, until there is a command.
    pub(in super::super) fn new() -> Self {
        Self {
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            end: Instant::now(),
        }
    }

    /// Waits for the outcome of a command; `None` if it does not come in time. The time in which this process did not run
    /// does not count. When it takes longer than it `usual`ly may, `doubt` is called, and again and again while it lasts.
    ///
    /// The command is pinned by the caller: a future that takes another one has it twice.
    pub(super) async fn apply<T>(
        &mut self,
        length: Duration,
        usual: Option<Duration>,
        doubt: impl Fn(),
        mut command: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        loop {
            let begin = Instant::now();
            self.end = begin + bounded(length);
            let mut next = match usual {
                Some(usual) => begin + bounded(usual) + DOUBT_AFTER,
                None => self.end,
            };
            loop {
                let due = next.min(self.end);
                self.timer.as_mut().reset(due);
                tokio::select! {
                    biased;
                    outcome = &mut command => return Some(outcome),
                    () = &mut self.timer => {}
                }
                if let Some(pause) = suspension::woke(due.into_std()) {
                    suspension::tell(pause);
                }
                if next >= self.end {
                    break;
                }
                // After a pause of this process, the answer may be there, and nobody has read it yet.
                if !suspension::was_noticed_since(begin.into_std()) {
                    doubt();
                }
                next = Instant::now() + DOUBT_AFTER;
            }
            self.timer.as_mut().reset(Instant::now() + READING_TIME);
            tokio::select! {
                biased;
                outcome = &mut command => return Some(outcome),
                () = &mut self.timer => {}
            }
            if !suspension::was_noticed_since(begin.into_std()) {
                return None;
            }
        }
    }

    /// Waits until the limit of the last command has passed, even if that has ended before.
    pub(in super::super) async fn passed(&mut self) {
        self.timer.as_mut().reset(self.end);
        self.timer.as_mut().await;
    }
}
