//! The reasons for dropping a message.

/// The reason for which a message was dropped without an answer (protocol, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The head of the frame names an unknown protocol version.
    ProtocolVersion,
    /// The request is chunked, which requests never are.
    ChunkedRequest,
    /// The payload is not one whole message in its encoding.
    Malformed,
    /// The request id is missing or cannot be read.
    RequestId,
    /// `reply_to` is missing, or is not the name of a reply list.
    ReplyTo,
    /// The request has expired: its sender does not wait any more.
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
