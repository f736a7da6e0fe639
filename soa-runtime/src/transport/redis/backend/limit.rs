//! How long commands may take that come one after the other.
//!
//! A timer for each of them would be set, and taken back, for nothing, and whenever it is the next one to end the
//! runtime is interrupted by a system call. So a task that sends commands has one, which is put off from command to
//! command.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::super::settings::bounded;

/// A limit for one command at a time.
#[derive(Debug)]
pub(in super::super) struct Limit(Pin<Box<Sleep>>);

impl Limit {
    /// A limit that is over, until there is a command.
    pub(in super::super) fn new() -> Self {
        Self(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    /// The outcome of a command, if it comes in time.
    pub(super) async fn keep<T>(
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

    /// Ends when the last command's time is over, whether or not it took so long.
    pub(in super::super) async fn is_over(&mut self) {
        self.0.as_mut().await;
    }
}
