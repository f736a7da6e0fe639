//! How a transport is chosen: a table with one key, the kind of transport.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::redis;
use crate::transport::RedisSettings;

/// How messages travel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportSettings {
    /// Over Redis.
    Redis(
        #[serde(deserialize_with = "redis::deserialize")]
        #[schemars(with = "redis::RedisForm")]
        RedisSettings,
    ),
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
