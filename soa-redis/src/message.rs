//! A message that waits to be pushed to a list, and the receipt that hears of its outcome.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::hold::Place;

/// The source of the error of a message that was certainly not sent, and that another master may take.
#[derive(Debug)]
struct Elsewhere;

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another master may take it")
    }
}

impl std::error::Error for Elsewhere {}

/// The error of a message that was certainly not sent, since its master is given up.
pub(super) fn elsewhere() -> TransportError {
    let message = "a message was not sent, since the master of Redis is dead";
    TransportError::new(TransportErrorKind::Transient, message).with_source(Elsewhere)
}

/// True if another master may take the message.
pub(super) fn is_for_another(error: &TransportError) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Elsewhere>())
}

/// The sender of a message, which hears of its outcome.
pub(super) trait Receipt: Send + 'static {
    /// True if the message still has to be sent.
    fn is_wanted(&self) -> bool;

    /// Takes the outcome.
    fn done(self, outcome: Result<(), TransportError>);

    /// The place of the request that this message answers, if that is held.
    fn place(&self) -> Option<&Place> {
        None
    }

    /// Takes note that the push has ended the hold on the request.
    fn acknowledged(&mut self) {}

    /// Takes note that the message is not sent, as the process was given up and others answer.
    fn fenced(self)
    where
        Self: Sized,
    {
    }
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
