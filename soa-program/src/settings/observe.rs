//! The sections `tracing` and `metrics`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use soa_runtime::period::Period;
use soa_runtime::secret::Secret;

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TracingSettings {
    /// The collector that traces are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`; none unless it is set.
    /// Without a path, the usual one is taken, `/v1/traces`. Needs the feature `otlp`.
    #[serde(deserialize_with = "endpoint")]
    pub endpoint: Option<String>,
    /// Which share of the traces that begin here is recorded, from 0 to 1. What others began keeps to what they say.
    #[schemars(range(min = 0, max = 1))]
    pub sample: f64,
    /// How often what was recorded is sent.
    #[schemars(extend("x-minimum" = "10ms"))]
    pub interval: Period,
    /// How long the collector may take for it, also at the end of the program.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub timeout: Period,
    /// How many spans wait to be sent at most; further ones are dropped.
    #[schemars(range(min = 512, max = 1_048_576))]
    pub queue: usize,
    /// Headers for the collector, such as a key.
    pub headers: BTreeMap<String, Secret>,
    /// What else is said of this process, by OpenTelemetry's names: `"deployment.environment.name" = "staging"`. The
    /// service, its version and an id of the process are always there.
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

/// Where metrics are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct MetricsSettings {
    /// The address and port where Prometheus finds them, under `/metrics`, such as `127.0.0.1:9090`; nowhere unless it is
    /// set. With `--fork`, the first process has the next port, the second the one after it, and so on. Needs the feature
    /// `prometheus`.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<String>,
}

/// The URL of a collector. What is wrong is told without it: there may be a password in it.
fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let endpoint = Option::<String>::deserialize(deserializer)?;
    let Some(url) = &endpoint else {
        return Ok(None);
    };
    let mut schemes = ["http://", "https://"].into_iter();
    let rest = schemes.find_map(|scheme| url.strip_prefix(scheme));
    let rest = rest.ok_or_else(|| D::Error::custom("expected a URL such as `http://host:4318`"))?;
    if rest.contains('@') {
        let rule = "expected a URL without a user; what the collector must know goes into `tracing.headers`";
        return Err(D::Error::custom(rule));
    }
    let is_usable = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    if rest.is_empty() || rest.starts_with(['/', ':']) || !rest.bytes().all(is_usable) {
        let rule = "expected a URL with a host, and without a query, such as `http://host:4318`";
        return Err(D::Error::custom(rule));
    }
    Ok(endpoint)
}

/// An address with a port.
fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let listen = Option::<String>::deserialize(deserializer)?;
    match listen.as_deref().map(str::parse::<SocketAddr>) {
        Some(Err(_)) => Err(D::Error::custom(
            "expected an address with a port, such as `127.0.0.1:9090`",
        )),
        _ => Ok(listen),
    }
}
