//! Levels of log records, in settings and for middleware that logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The level of a log record.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::LogLevel;
/// use soa::middleware::Logging;
///
/// assert_eq!(LogLevel::default(), LogLevel::Info);
/// let only_failures = Logging::new().levels(LogLevel::Off, LogLevel::Warn);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing is logged.
    Off,
    /// Something failed that should not.
    Error,
    /// Something is wrong, and the program continues.
    Warn,
    /// Information for operators.
    #[default]
    Info,
    /// Information for developers.
    Debug,
    /// Everything.
    Trace,
}
