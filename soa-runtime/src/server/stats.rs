//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a message was dropped without an answer (protocol, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The frame's head names a protocol version that nobody knows.
    ProtocolVersion,
    /// Requests are never chunked.
    ChunkedRequest,
    /// The payload is not one whole message in its encoding.
    Malformed,
    /// There is no request id, or one that cannot be read.
    RequestId,
    /// There is no `reply_to`, or one that no client of the protocol makes.
    ReplyTo,
    /// The sender has stopped waiting.
    Expired,
}

impl DropReason {
    const ALL: [Self; 6] = [
        Self::ProtocolVersion,
        Self::ChunkedRequest,
        Self::Malformed,
        Self::RequestId,
        Self::ReplyTo,
        Self::Expired,
    ];

    /// The name of the reason in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProtocolVersion => "protocol_version",
            Self::ChunkedRequest => "chunked_request",
            Self::Malformed => "malformed",
            Self::RequestId => "request_id",
            Self::ReplyTo => "reply_to",
            Self::Expired => "expired",
        }
    }
}

/// Counters of a server, since it was built.
#[derive(Debug, Default)]
pub struct Stats {
    jobs: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Stats {
    /// How many jobs were started.
    pub fn jobs(&self) -> u64 {
        self.jobs.load(Ordering::Relaxed)
    }

    /// How many messages were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        let counter = DropReason::ALL
            .iter()
            .zip(&self.dropped)
            .find(|(known, _)| **known == reason);
        counter.map_or(0, |(_, counter)| counter.load(Ordering::Relaxed))
    }

    pub(super) fn count_job(&self) {
        self.jobs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, reason: DropReason) {
        for (known, counter) in DropReason::ALL.iter().zip(&self.dropped) {
            if *known == reason {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
