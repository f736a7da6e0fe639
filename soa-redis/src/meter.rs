//! Meters of the messages that are sent.

use metrics::{Counter, Histogram};
use soa_runtime::observe::names;

/// Converts a number of bytes into what recorders take.
#[expect(clippy::cast_precision_loss, reason = "no message has 2^53 bytes")]
pub(super) fn as_number(bytes: usize) -> f64 {
    bytes as f64
}

/// Meters of the messages that are sent to one service, or as its responses.
#[derive(Clone, Debug)]
pub(super) struct SendMeters {
    pub(super) time: Histogram,
    pub(super) size: Histogram,
    pub(super) retry: Counter,
}

impl SendMeters {
    /// Meters of a client's requests.
    pub(super) fn requests(service: &str) -> Self {
        Self {
            time: names::CLIENT_SEND.histogram([service]),
            size: names::CLIENT_SIZE.histogram([service]),
            retry: names::CLIENT_RETRY.counter([service]),
        }
    }

    /// Meters of a server's responses.
    pub(super) fn responses(service: &str) -> Self {
        Self {
            time: names::SERVER_SEND.histogram([service]),
            size: names::SERVER_SIZE.histogram([service]),
            retry: names::SERVER_RETRY.counter([service]),
        }
    }
}
