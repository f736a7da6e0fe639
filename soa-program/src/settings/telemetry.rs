//! The sections `tracing` and `metrics`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use soa_runtime::period::Period;
use soa_runtime::secret::Secret;

/// Traces, and the collector that they are sent to.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader()
///     .defaults(r#"
///         [tracing]
///         endpoint = "http://127.0.0.1:4318"
///         sample = 1
///         resource = { "deployment.environment.name" = "staging" }
///     "#)
///     .load()?;
/// assert_eq!(settings.tracing.sample, 1.0);
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TracingSettings {
    /// URL of the collector, which receives traces by OTLP over HTTP, such as `http://127.0.0.1:4318`; none by default.
    /// The path is `/v1/traces` by default. Needs the feature `otlp`.
    #[serde(deserialize_with = "endpoint")]
    pub endpoint: Option<String>,
    /// Share of the traces that begin in this program and are recorded, from 0 to 1. Traces that begin elsewhere follow the
    /// decision that was made there.
    #[schemars(range(min = 0, max = 1))]
    pub sample: f64,
    /// Interval at which spans are sent.
    #[schemars(extend("x-minimum" = "10ms"))]
    pub interval: Period,
    /// Time limit for sending a batch of spans, also at the end of the program.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub timeout: Period,
    /// Largest number of spans that wait to be sent. Further spans are dropped.
    #[schemars(range(min = 512, max = 1_048_576))]
    pub queue: usize,
    /// Headers of requests to the collector, such as an API key.
    pub headers: BTreeMap<String, Secret>,
    /// Additional resource attributes, by their names in OpenTelemetry: `"deployment.environment.name" = "staging"`. Name
    /// and version of the service and an id of the process are always there.
    pub resource: BTreeMap<String, String>,
}

impl Default for TracingSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample: 0.01,
            interval: Period::from_secs(1),
            timeout: Period::from_secs(5),
            queue: 8192,
            headers: BTreeMap::new(),
            resource: BTreeMap::new(),
        }
    }
}

/// Metrics, and the address at which Prometheus reads them.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader().set("metrics.listen=127.0.0.1:9090").load()?;
/// assert_eq!(settings.metrics.listen.as_deref(), Some("127.0.0.1:9090"));
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct MetricsSettings {
    /// Address and port of the page `/metrics`, such as `127.0.0.1:9090`; none by default. With `--fork`, the first process
    /// has the next port, the second process the one after it, and so on. Needs the feature `prometheus`.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<String>,
}

/// Deserializes the URL of a collector. Errors do not contain it, because it may contain a password.
fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let endpoint = Option::<String>::deserialize(deserializer)?;
    let Some(url) = &endpoint else {
        return Ok(None);
    };
    let mut schemes = ["http://", "https://"].into_iter();
    let rest = schemes.find_map(|scheme| url.strip_prefix(scheme));
    let rest = rest.ok_or_else(|| D::Error::custom("expected a URL such as `http://host:4318`"))?;
    if rest.contains('@') {
        let rule = "expected a URL without a user name; put credentials into `tracing.headers`";
        return Err(D::Error::custom(rule));
    }
    let is_usable = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    if rest.is_empty() || rest.starts_with(['/', ':']) || !rest.bytes().all(is_usable) {
        let rule = "expected a URL with a host and without a query, such as `http://host:4318`";
        return Err(D::Error::custom(rule));
    }
    Ok(endpoint)
}

/// Deserializes an address with a port.
fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let listen = Option::<String>::deserialize(deserializer)?;
    match listen.as_deref().map(str::parse::<SocketAddr>) {
        Some(Err(_)) => Err(D::Error::custom(
            "expected an address with a port, such as `127.0.0.1:9090`",
        )),
        _ => Ok(listen),
    }
}
