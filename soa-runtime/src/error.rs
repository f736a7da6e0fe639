//! The errors of the crate: what handlers return, and what callers get.
//!
//! [`ActionError`] and [`JobError`] are made by services and travel as lists of
//! [`WireError`]s. [`ClientError`] is what a call gives back; [`TransportError`] is its part that
//! says why a message did not arrive. [`ActionErrors`] are a service's own errors as a type, for both sides. [`BuildError`] is told before anything runs.

mod action;
mod client;
mod declared;
mod transport;

pub use action::{ActionError, IntoActionError, JobError};
pub use client::{ClientError, ErrorKind, OpenCircuit};
pub use declared::{ActionErrors, Unknown, Variable, unknown, variable};
pub use transport::{TransportError, TransportErrorKind};

use std::fmt;

/// A server or client that cannot be built, in one sentence that says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(String);

impl BuildError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_small_enough_to_be_returned_everywhere() {
        assert!(size_of::<ClientError>() <= 16);
        assert!(size_of::<TransportError>() <= 16);
        assert!(size_of::<ActionError>() <= 16);
    }
}
