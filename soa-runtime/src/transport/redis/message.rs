//! A message that waits to be pushed to a list, and the receipt that hears of its outcome.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::error::TransportError;

/// The sender of a message, which hears of its outcome.
pub(super) trait Receipt: Send + 'static {
    /// True if the message still has to be sent.
    fn is_wanted(&self) -> bool;

    /// Takes the outcome.
    fn done(self, outcome: Result<(), TransportError>);
}

/// A message to be pushed.
#[derive(Debug)]
pub(super) struct Message<R> {
    pub(super) frame: Bytes,
    /// Further pieces, which have to come right after the frame.
    pub(super) more: Vec<Bytes>,
    /// Least time to live of the list.
    pub(super) lifetime: Duration,
    /// Time at which the message was there to be sent.
    pub(super) since: Instant,
    /// Time from which it is not worth sending.
    pub(super) deadline: Instant,
    pub(super) receipt: R,
}
