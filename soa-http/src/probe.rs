//! The probes that say nothing about a request.

/// A probe that says nothing about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Live,
    Ready,
    Metrics,
}
