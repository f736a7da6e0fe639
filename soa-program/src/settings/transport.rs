//! The choice of a transport: a table with exactly one key, the kind of transport.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
#[cfg(feature = "http")]
use soa_http::HttpTransportSettings;
use soa_redis::RedisSettings;
use soa_runtime::stub::StubSettings;

#[cfg(not(feature = "http"))]
use super::http::HttpTransportSettings;

/// Transport of a server.
///
/// ```
/// use soa::settings::{NoSection, Settings, TransportSettings};
///
/// let settings = Settings::<NoSection>::loader()
///     .set("server.transport.redis.hosts=redis-1:6379,redis-2:6379")
///     .load()?;
/// let TransportSettings::Redis(redis) = &settings.server.transport else {
///     unreachable!("no other transport is set")
/// };
/// assert_eq!(redis.addresses(), "redis-1:6379, redis-2:6379");
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
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

/// The default as it is written in settings; the keys inside have defaults of their own.
pub(super) fn default_transport() -> Json {
    json!({ "redis": {} })
}

/// Transport of a client to one service.
///
/// ```
/// use soa::settings::{NoSection, Settings};
/// use soa::value;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::<NoSection>::loader()
///     .defaults(r#"
///         [client_routing.users.transport.stub.actions]
///         find.body = { name = "Ada" }
///     "#)
///     .load()?;
/// let client = settings.client()?.build()?;
/// let user = client.call_action("users", "find", &value!({ "id": 7 })).await?;
/// assert_eq!(user, value!({ "name": "Ada" }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there are as many as routes")]
#[non_exhaustive]
pub enum ClientTransportSettings {
    /// Over Redis.
    Redis(RedisSettings),
    /// Over HTTP. Needs the feature `http`.
    Http(HttpTransportSettings),
    /// Responses from the settings, for trying out a program without the service.
    Stub(StubSettings),
}

impl From<TransportSettings> for ClientTransportSettings {
    /// The transport to a server that receives its requests by this one.
    fn from(settings: TransportSettings) -> Self {
        match settings {
            TransportSettings::Redis(settings) => Self::Redis(settings),
        }
    }
}
