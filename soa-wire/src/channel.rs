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
    /// `POST /call/<service>`: whole jobs. Only servers of this framework have it.
    Call,
}

impl Channel {
    /// Returns the name of the channel, as registries have it: `dispatch-json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Json => "dispatch-json",
            Self::MessagePack => "dispatch-msgpack",
            Self::Protobuf => "dispatch-protobuf",
            Self::Call => "call",
        }
    }

    /// Returns the channel of this name.
    ///
    /// ```
    /// use soa_wire::Channel;
    ///
    /// assert_eq!(Channel::named("dispatch-json"), Some(Channel::Json));
    /// assert_eq!(Channel::named("carrier-pigeon"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|channel| channel.name() == name)
    }

    /// All channels, in the usual order of preference.
    pub const ALL: [Self; 5] = [
        Self::Rest,
        Self::Json,
        Self::MessagePack,
        Self::Protobuf,
        Self::Call,
    ];
}
