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
