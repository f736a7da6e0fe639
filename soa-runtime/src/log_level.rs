//! How important what is logged is: in settings, and for middleware that logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How important a record of the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing is logged.
    Off,
    /// Something failed that should not.
    Error,
    /// Something is not as it should be, and goes on.
    Warn,
    /// What an operator may want to know.
    #[default]
    Info,
    /// What a developer may want to know.
    Debug,
    /// Everything.
    Trace,
}
