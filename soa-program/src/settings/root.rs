//! The root of the settings: one field for each section.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use soa_runtime::client::Expansions;

use super::calling::ClientSettings;
use super::logging::LoggingSettings;
use super::middleware::{ClientMiddlewareSchema, MiddlewareSettings};
use super::route::RouteSettings;
use super::section::NoSection;
use super::server::ServerSettings;
use super::telemetry::{MetricsSettings, TracingSettings};

/// All settings of a program; `S` is the section of the service itself.
///
/// ```
/// use garde::Validate;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use soa::settings::{Period, Settings};
///
/// #[derive(Deserialize, JsonSchema, Validate)]
/// #[serde(deny_unknown_fields)]
/// struct Greeting {
///     /// First word of each greeting.
///     #[garde(length(chars, min = 1, max = 20))]
///     word: String,
///     /// Pause before each greeting.
///     #[garde(skip)]
///     #[serde(default)]
///     pause: Period,
/// }
///
/// let settings = Settings::<Greeting>::loader()
///     .set("service.word=Hello")
///     .set("server.concurrency=8")
///     .load()?;
/// assert_eq!(settings.service.word, "Hello");
/// assert_eq!(settings.server.concurrency, Some(8));
///
/// let error = Settings::<Greeting>::loader().set("service.wrod=Hello").load();
/// let error = error.err().ok_or("no error")?.to_string();
/// assert!(error.starts_with("--set: `service.wrod`: there is no such key; did you mean `service.word`?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings<S = NoSection> {
    /// Server that runs the service.
    #[serde(default)]
    pub server: ServerSettings,
    /// Calls of other services: what they share.
    #[serde(default)]
    pub client: ClientSettings,
    /// Middleware around all calls, by name, outermost first. Middleware that the program adds itself is inside of it.
    #[serde(default)]
    #[schemars(with = "Vec<ClientMiddlewareSchema>")]
    pub client_middleware: Vec<MiddlewareSettings>,
    /// Services that this program may call, by name. Calls of any other service fail. A variable such as
    /// `SOA__CLIENT_ROUTING__USER_ACCOUNTS__TIMEOUT` is about `user-accounts`, too, whatever its case, dashes and dots.
    /// A service that declares `calls(…)` warns at its start of services that are missing here.
    #[serde(default)]
    pub client_routing: BTreeMap<String, RouteSettings>,
    /// Expansions: fields of responses that take objects of other services, and the actions that find these objects.
    #[serde(default)]
    pub expansions: Expansions,
    /// The log, which goes to the standard error.
    #[serde(default)]
    pub logging: LoggingSettings,
    /// Traces, and the collector that they are sent to.
    #[serde(default)]
    pub tracing: TracingSettings,
    /// Metrics, and the address at which Prometheus reads them.
    #[serde(default)]
    pub metrics: MetricsSettings,
    /// The section of the service itself.
    pub service: S,
}

impl Settings<serde_json::Value> {
    /// Replaces the section, which is plain data, by its type.
    pub(super) fn with_section<S>(self, service: S) -> Settings<S> {
        Settings {
            server: self.server,
            client: self.client,
            client_routing: self.client_routing,
            expansions: self.expansions,
            client_middleware: self.client_middleware,
            logging: self.logging,
            tracing: self.tracing,
            metrics: self.metrics,
            service,
        }
    }
}
