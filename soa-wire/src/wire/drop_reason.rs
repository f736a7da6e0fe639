//! Why a message gets no answer.

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
    #[doc(hidden)]
    pub const ALL: [Self; 6] = [
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
