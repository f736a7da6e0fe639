//! Channels: the ways to call services over HTTP.

/// A way to call the services of a component over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The routes that actions declare.
    Rest,
    /// `POST /invoke` with JSON.
    Json,
    /// `POST /invoke` with MessagePack.
    MessagePack,
    /// `POST /invoke` with protobuf.
    Protobuf,
}

impl Channel {
    /// Returns the name of the channel, as registries have it: `dispatch-json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Json => "dispatch-json",
            Self::MessagePack => "dispatch-msgpack",
            Self::Protobuf => "dispatch-protobuf",
        }
    }
}
