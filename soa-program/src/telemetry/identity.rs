//! The identity that a process reports with its traces.

/// Name and version of the service.
pub(crate) struct Identity<'a> {
    pub(crate) service: &'a str,
    pub(crate) version: &'a str,
}
