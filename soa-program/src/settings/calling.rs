//! The section `client`.

use schemars::JsonSchema;
use serde::Deserialize;
#[cfg(feature = "http")]
use soa_http::HttpClientSettings;
#[cfg(feature = "http")]
use soa_registry::RegistrySettings;

#[cfg(not(feature = "http"))]
use super::http::{HttpClientSettings, RegistrySettings};

/// Calls of other services: what they share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ClientSettings {
    /// Registry in which components are looked up, for routes over HTTP without an address; none by default. Needs the feature
    /// `http`.
    pub registry: Option<RegistrySettings>,
    /// Channel by which components are called; by default, of those that an instance offers, the one that carries most calls.
    #[schemars(length(min = 1))]
    pub channel: Option<String>,
    /// Connections over HTTP. Needs the feature `http`.
    pub http: HttpClientSettings,
}
