//! The section `logging`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use soa_runtime::LogLevel;

/// What is logged, and how. Logs go to the standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LoggingSettings {
    /// The least important thing that is logged.
    pub level: LogLevel,
    /// Other levels for parts of the program, by the beginnings of their paths: `my_service::store = "debug"`.
    pub targets: BTreeMap<String, LogLevel>,
    /// How a record is written.
    pub format: LogFormat,
}

/// How a record of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogFormat {
    /// A line for people, in colours on a terminal.
    #[default]
    Text,
    /// A JSON object a line, for programs.
    Json,
}
