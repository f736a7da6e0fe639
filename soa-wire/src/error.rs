//! The errors that services answer with, those of transports, and those of the construction of servers and clients.

mod action;
mod declared;
mod job;
mod list;

use std::error::Error;
use std::fmt;

pub use action::{ActionError, IntoActionError};
pub use declared::ActionErrors;
#[doc(hidden)]
pub use declared::{PassedOn, Unknown, Variable, find, find_all, unknown, variable};
pub use job::JobError;
#[doc(hidden)]
pub use list::list;

/// A failure between client and server.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{TransportError, TransportErrorKind};
///
/// let cause = std::io::Error::other("connection refused");
/// let error = TransportError::new(TransportErrorKind::Transient, "the broker is not available").with_source(cause);
/// assert_eq!(error.kind(), TransportErrorKind::Transient);
/// ```
pub struct TransportError(Box<Inner>);

struct Inner {
    kind: TransportErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of failure of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// A temporary failure. Another attempt may succeed.
    Transient,
    /// The transport is closed. No further attempt will succeed.
    Closed,
    /// A message cannot be read or written.
    InvalidMessage,
    /// A message is larger than the limit. It was not sent.
    MessageTooLarge,
    /// The queue of the service was full until the caller's timeout. The message was not sent.
    QueueFull,
    /// The service could not be reached. The message was not sent, so another attempt cannot run it twice.
    Unreachable,
    /// The connection broke, or was given up, after the message was sent. It is not known whether the message was taken.
    Interrupted,
    /// The configuration of the transport is wrong or incomplete.
    Misconfigured,
}

impl TransportError {
    /// Creates an error with a message for people.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    /// Sets the cause of the error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

/// The reason why a server or a client cannot be built, in one sentence that states what to change.
///
/// ```
/// # use soa_wire as soa;
/// use soa::BuildError;
///
/// let error = BuildError::new("the name `a b` has a blank; use letters, digits and `_`");
/// assert!(error.to_string().contains("a blank"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError(String);

impl BuildError {
    /// Creates an error with a message for people.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}

crate::debug_as_text!(TransportError, BuildError);
