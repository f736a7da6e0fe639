//! The log of a program: records of `tracing`, on the standard error.

use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use super::trace;
use crate::settings::{LogFormat, LogLevel, LoggingSettings};

/// What takes records beside the log.
pub(super) type Export = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts it. A program that has its own subscriber keeps it. Colours are for terminals, where the standard error stays
/// what it is.
pub(super) fn start(settings: &LoggingSettings, export: Option<Export>, may_be_coloured: bool) {
    let registry = tracing_subscriber::registry();
    // One on the other, and not an export that may be none: one without a filter would make every span wanted. Nor the two
    // as one layer: of two on a registry, the level of the first would count for both. An error says that there is a
    // subscriber already.
    let _ = match export {
        Some(export) => {
            let registry = registry.with(export);
            registry.with(lines(settings, may_be_coloured)).try_init()
        }
        None => registry.with(lines(settings, may_be_coloured)).try_init(),
    };
}

fn lines<S>(settings: &LoggingSettings, may_be_coloured: bool) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let targets = settings.targets.iter();
    let filter = Targets::new()
        .with_default(level(settings.level))
        // A job's span says what it is in each line. The other spans are for those who collect traces.
        .with_target(trace::TRACE, LevelFilter::OFF)
        .with_target(trace::TRACED_JOB, LevelFilter::ERROR)
        .with_targets(targets.map(|(target, of_target)| (target.as_str(), level(*of_target))));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.format {
        LogFormat::Text => {
            let is_coloured = may_be_coloured && std::io::stderr().is_terminal();
            lines.with_ansi(is_coloured).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    lines.with_filter(filter)
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
