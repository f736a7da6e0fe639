//! The section `logging`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa_runtime::LogLevel;

/// The log, which goes to the standard error.
///
/// ```
/// use soa::settings::{LogFormat, LogLevel, NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader()
///     .set("logging.format=json")
///     .set(r#"logging.targets."my_service::store"=debug"#)
///     .load()?;
/// assert_eq!(settings.logging.format, LogFormat::Json);
/// assert_eq!(settings.logging.targets["my_service::store"], LogLevel::Debug);
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LoggingSettings {
    /// Lowest level that is logged.
    pub level: LogLevel,
    /// Other levels for parts of the program, by the prefix of their paths: `my_service::store = "debug"`.
    pub targets: BTreeMap<String, LogLevel>,
    /// Format of a record.
    pub format: LogFormat,
    /// Largest number of bytes that wait until the log is read. Nobody waits for a log that is read slowly or not at all:
    /// further lines are lost, and the log says how many when it is read again.
    #[schemars(range(min = 65_536, max = 1_073_741_824))]
    pub buffer_size: usize,
}

impl Default for LoggingSettings {
    fn default() -> Self {
        Self {
            level: LogLevel::default(),
            targets: BTreeMap::new(),
            format: LogFormat::default(),
            buffer_size: 8 * 1024 * 1024,
        }
    }
}

/// Format of a record of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogFormat {
    /// A line for people, coloured on a terminal.
    #[default]
    Text,
    /// A JSON object on a line, for programs.
    Json,
}
