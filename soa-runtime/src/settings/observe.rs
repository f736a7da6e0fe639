//! The sections `tracing` and `metrics`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::period::Period;
use super::secret::Secret;

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TracingSettings {
    /// The collector that traces are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`; none unless it is set.
    /// Without a path, the usual one is taken, `/v1/traces`. Needs the feature `otlp`.
    pub endpoint: Option<String>,
    /// Which share of the traces that begin here is recorded, from 0 to 1. What others began keeps to what they say.
    #[schemars(range(min = 0, max = 1))]
    pub sample: f64,
    /// How often what was recorded is sent.
    pub interval: Period,
    /// How long the collector may take for it, also at the end of the program.
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
    pub listen: Option<String>,
}
