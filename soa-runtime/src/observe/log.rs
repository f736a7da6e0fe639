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

/// Starts it. A program that has its own subscriber keeps it.
pub(super) fn start(settings: &LoggingSettings, export: Option<Export>) {
    let registry = tracing_subscriber::registry();
    // Not a layer that may be none, which would make every span wanted, nor one made of the two, of which only one would say
    // which levels are. An error says that there is a subscriber already.
    let _ = match export {
        Some(export) => registry.with(export).with(lines(settings)).try_init(),
        None => registry.with(lines(settings)).try_init(),
    };
}

/// Lines on the standard error.
fn lines<S>(settings: &LoggingSettings) -> impl Layer<S>
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
    let layer = match settings.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    layer.with_filter(filter)
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
