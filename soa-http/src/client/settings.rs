//! The settings of the client.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use soa_runtime::period::Period;

/// Connections over HTTP to other services and to registries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct HttpClientSettings {
    /// Time limit of a new connection, with its look-up of a name and its TLS.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub connect_timeout: Period,
    /// Time after which a connection without a request is closed.
    pub idle_timeout: Period,
    /// Largest number of requests to one host that run at once. Further ones wait.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_requests_per_host: usize,
    /// Largest body of a response, in bytes.
    #[schemars(range(min = 1))]
    pub max_response: usize,
    /// File of certificates in PEM that are trusted; by default those of the system.
    #[schemars(length(min = 1))]
    pub trusted_certificates: Option<PathBuf>,
    /// True if proxies are taken from the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`.
    pub proxy_from_environment: bool,
}

impl Default for HttpClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Period::from_secs(2),
            idle_timeout: Period::from_secs(60),
            max_requests_per_host: 1024,
            max_response: 64 << 20,
            trusted_certificates: None,
            proxy_from_environment: false,
        }
    }
}

/// Calls of a service over HTTP.
///
/// ```
/// use soa::settings::{ClientTransportSettings, NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader()
///     .set("client_routing.example.transport.http.address=http://127.0.0.1:8000")
///     .set("client_routing.example.transport.http.channel=dispatch-msgpack")
///     .load()?;
/// let client = settings.client()?.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct HttpTransportSettings {
    /// Address of the service: `http://host:8000`. For the channel `call`, it ends with the prefix of that door:
    /// `http://host:8000/call`. Without an address, the component is looked up in the registry `client.registry`.
    #[schemars(length(min = 1))]
    pub address: Option<String>,
    /// Channel: `dispatch-json`, `dispatch-msgpack`, `dispatch-protobuf`, `rest` or `call`. By default `dispatch-json`
    /// at an address, and `client.channel` for a component that is looked up.
    #[schemars(length(min = 1))]
    pub channel: Option<String>,
    /// Component that the service belongs to; by default one with the name of the service.
    #[schemars(length(min = 1))]
    pub component: Option<String>,
    /// True if the token of a request that is served here is carried to this service.
    pub forwards_token: bool,
    /// True if the server at the address acts on contexts, as those of this framework do and those of Aspyx do not. Otherwise,
    /// a call by another channel than `call` is refused if it sets switches or values of its context itself, or calls a
    /// variant. Components that are looked up act on contexts where they offer the channel `call`.
    pub carries_context: bool,
}
