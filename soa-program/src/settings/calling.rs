//! The section `client`.

use schemars::JsonSchema;
use serde::Deserialize;
#[cfg(feature = "http")]
use soa_http::HttpClientSettings;

#[cfg(not(feature = "http"))]
use super::http::HttpClientSettings;

/// Calls of other services: what they share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ClientSettings {
    /// Connections over HTTP. Needs the feature `http`.
    pub http: HttpClientSettings,
}
