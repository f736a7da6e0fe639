//! Settings: what an operator decides, from files, variables and flags, with a type for everything.
//!
//! ```text
//! the program's defaults ◀ files ◀ variables SOA__… ◀ flags      each laid over what is left of it
//!            │
//!            ▼
//!   a tree of values, each with where it was written ──▶ check against the schema ──▶ Settings<S>
//! ```
//!
//! [`Settings`] has a section for the server, the services that may be called, expansions, the log, traces and metrics, and one of the service's own,
//! whose type is the service's. The JSON Schema of these types is the one description of them: values are checked
//! against it, it has the defaults and the documentation ([`Settings::reference`]), and editors take it
//! ([`Settings::schema`]). Every mistake is told at once, with its file and line or its variable ([`Problem`]): what is
//! wrong is taken away, and the rest is read on.
//!
//! The layers are our own and not a crate's: `config` and `figment` know the file that a value is from, but not the line,
//! and stop at the first mistake.

mod check;
mod client;
mod error;
mod file;
mod load;
mod logging;
mod middleware;
mod observe;
mod path;
mod print;
mod reference;
mod server;
mod shape;
mod shipped;
mod suggest;
mod transport;
mod tree;
mod variables;

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use soa_runtime::client::Expansions;

pub(crate) use client::Connections;
pub use client::RouteSettings;
pub use error::{Problem, SettingsError};
pub use load::Loader;
pub use logging::{LogFormat, LogLevel, LoggingSettings};
pub use middleware::{KnownMiddleware, MiddlewareSettings};
pub use observe::{MetricsSettings, TracingSettings};
pub use server::{RespawnLimit, ServerSettings, WatchdogSettings};
pub use soa_runtime::period::{BadPeriod, Period};
pub use soa_runtime::secret::Secret;
pub use transport::{ClientTransportSettings, TransportSettings};

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
///     /// What to say first.
///     #[garde(length(chars, min = 1, max = 20))]
///     word: String,
///     /// How long to wait before it is said.
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
    /// How the service is served.
    #[serde(default)]
    pub server: ServerSettings,
    /// Middleware around all calls, by name, the outermost first. What a program adds itself is further in.
    #[serde(default)]
    #[schemars(with = "Vec<middleware::OfClient>")]
    pub client_middleware: Vec<MiddlewareSettings>,
    /// The services that may be called, by their names. A service that is not here cannot be called.
    #[serde(default)]
    pub client_routing: BTreeMap<String, RouteSettings>,
    /// Which objects in responses can be expanded, with what other services find.
    #[serde(default)]
    pub expansions: Expansions,
    /// What is logged, and how. Logs go to the standard error.
    #[serde(default)]
    pub logging: LoggingSettings,
    /// Where traces go.
    #[serde(default)]
    pub tracing: TracingSettings,
    /// Where metrics are shown.
    #[serde(default)]
    pub metrics: MetricsSettings,
    /// The section of the service itself.
    pub service: S,
}

/// The section of a service that has no settings of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NoSection {}

/// A type that can be the `service` section of [`Settings`]: it derives `Deserialize`, `JsonSchema` and
/// `garde::Validate`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a service's section of the settings",
    label = "derive `serde::Deserialize`, `schemars::JsonSchema` and `garde::Validate` for this type"
)]
pub trait Section: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send + 'static {}

impl<S: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send + 'static> Section for S {}

impl<S: Section> Settings<S> {
    /// Reads settings, from nowhere yet.
    pub fn loader() -> Loader<S> {
        Loader::new()
    }

    /// The JSON Schema of the settings, as text: for editors. A program with middleware of its own asks its
    /// [`Loader`](Loader::schema).
    pub fn schema() -> String {
        Self::loader().schema()
    }

    /// A page in Markdown with every key, its type, unit and default. A program with middleware of its own asks its
    /// [`Loader`](Loader::reference).
    pub fn reference() -> String {
        Self::loader().reference()
    }
}

impl Settings<serde_json::Value> {
    /// The same with a section that has its type.
    fn with_section<S>(self, service: S) -> Settings<S> {
        Settings {
            server: self.server,
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
