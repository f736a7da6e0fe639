//! The errors of the crate: what handlers return, and what callers get.
//!
//! [`ActionError`] and [`JobError`] are made by services and travel as lists of
//! [`WireError`]s. [`ClientError`] is what a call gives back; [`TransportError`] is its part that
//! says why a message did not arrive. [`ActionErrors`] are a service's own errors as a type, for both sides. [`BuildError`] is told before anything runs.

mod action;
mod client;
mod declared;

pub use action::{ActionError, IntoActionError, JobError};
pub use client::{ClientError, ErrorKind, OpenCircuit};
pub use declared::{ActionErrors, Unknown, Variable, unknown, variable};
pub(crate) use soa_wire::error::{BuildError, TransportError, TransportErrorKind};

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
