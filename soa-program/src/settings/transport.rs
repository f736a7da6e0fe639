//! How a transport is chosen: a table with one key, the kind of transport.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use soa_runtime::stub::StubSettings;
use soa_runtime::transport::RedisSettings;

/// How messages get to a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportSettings {
    /// Over Redis.
    Redis(RedisSettings),
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self::Redis(RedisSettings::default())
    }
}

/// The default, as it would be written: all else has defaults of its own.
pub(super) fn default_transport() -> Json {
    json!({ "redis": {} })
}

/// How the messages of a client get to a service.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there are as many as routes")]
#[non_exhaustive]
pub enum ClientTransportSettings {
    /// Over Redis.
    Redis(RedisSettings),
    /// Not at all: the answers are written here, for trying a program out without the service.
    Stub(StubSettings),
}

impl From<TransportSettings> for ClientTransportSettings {
    /// To where a server takes its requests from.
    fn from(settings: TransportSettings) -> Self {
        match settings {
            TransportSettings::Redis(settings) => Self::Redis(settings),
        }
    }
}
