//! The time limit of commands that come one after the other.
//!
//! A timer for each of them would be set, and taken back, for nothing, and whenever it is the next one to end the
//! runtime is interrupted by a system call. So a task that sends commands has one timer, which each command sets anew.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::transport::redis::settings::bounded;

/// The time limit of a task's commands, one at a time.
#[derive(Debug)]
pub(in super::super) struct Limit(Pin<Box<Sleep>>);

impl Limit {
    /// A limit that has passed, until there is a command.
    pub(in super::super) fn new() -> Self {
        Self(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    /// Waits for the outcome of a command; `None` if it does not come in time.
    pub(super) async fn apply<T>(
        &mut self,
        length: Duration,
        command: impl Future<Output = T>,
    ) -> Option<T> {
        self.0.as_mut().reset(Instant::now() + bounded(length));
        tokio::select! {
            biased;
            outcome = command => Some(outcome),
            () = &mut self.0 => None,
        }
    }

    /// Waits until the limit of the last command has passed, even if that has ended before.
    pub(in super::super) async fn passed(&mut self) {
        self.0.as_mut().await;
    }
}
