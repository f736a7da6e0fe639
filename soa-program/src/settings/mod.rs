//! Settings: typed configuration from files, variables of the environment and flags.
//!
//! ```text
//! the program's defaults ◀ files ◀ variables SOA__… ◀ flags      each is merged into the weaker ones before it
//!            │
//!            ▼
//!   tree of values with their origins ──▶ check against the schema ──▶ deserialization ──▶ Settings<S>
//! ```
//!
//! [`Settings`] has sections for the server, the services that may be called, expansions, the log, traces and metrics,
//! and one for the service itself, whose type the service defines. The JSON Schema of these types is their only
//! description: values are checked against it, defaults and documentation come from it ([`Settings::reference`]), and
//! editors read it ([`Settings::schema`]).
//!
//! All mistakes are reported at once, each with its file and line, variable or flag ([`Problem`]). A wrong value is
//! removed, and the rest is checked as usual.
//!
//! The layers are not those of a library: `config` and `figment` know the file that a value is from, but not the line,
//! and stop at the first mistake.

mod builtin_middleware;
mod calling;
mod check;
mod client;
#[cfg(feature = "http")]
mod components;
mod decode;
mod error;
mod file;
#[cfg(any(test, not(feature = "http")))]
// Where there is HTTP, the test of this module alone has it.
#[cfg_attr(feature = "http", allow(unreachable_pub))]
mod http;
mod loader;
mod logging;
mod merge;
mod middleware;
mod path;
mod print;
mod reference;
mod root;
mod route;
mod section;
mod server;
mod shape;
mod suggestion;
mod telemetry;
mod transport;
mod tree;
mod variable;

pub use calling::ClientSettings;
pub(crate) use client::Connections;
pub use error::{Problem, SettingsError};
#[cfg(not(feature = "http"))]
pub use http::{HttpClientSettings, HttpSettings, HttpTransportSettings, RegistrySettings};
pub use loader::Loader;
pub use logging::{LogFormat, LoggingSettings};
pub use middleware::{KnownMiddleware, MiddlewareSettings};
pub use root::Settings;
pub use route::RouteSettings;
pub use section::{NoSection, Section};
pub use server::{RespawnLimit, ServerSettings, WatchdogSettings};
#[doc(hidden)]
pub use shape::listed;
#[cfg(feature = "http")]
pub use soa_http::{HttpClientSettings, HttpSettings, HttpTransportSettings};
#[cfg(feature = "http")]
pub use soa_registry::RegistrySettings;
pub use soa_runtime::LogLevel;
pub use soa_runtime::period::{BadPeriod, Period};
pub use soa_runtime::secret::Secret;
#[doc(hidden)]
pub use suggestion::nearest;
pub use telemetry::{MetricsSettings, TracingSettings};
pub use transport::{ClientTransportSettings, TransportSettings};
