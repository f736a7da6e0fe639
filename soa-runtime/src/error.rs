//! The errors of the crate: those that handlers return, and those that callers get.
//!
//! [`ActionError`] and [`JobError`] are made by services and travel as lists of
//! [`WireError`](crate::message::WireError)s. [`ClientError`] is the error of a call; [`TransportError`] is its part
//! that says why a message did not arrive. [`ActionErrors`] are a service's own errors as a type, for both sides.
//! [`BuildError`] is reported before anything runs.

mod client;

pub(crate) use client::route_setting;
pub use client::{ClientError, ErrorKind, OpenCircuit};
pub use soa_wire::error::{
    ActionError, ActionErrors, IntoActionError, JobError, PassedOn, Unknown, Variable, unknown,
    variable,
};
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
