//! The log of a program: events of `tracing`, as lines on the standard error.

use std::cell::Cell;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use soa_runtime::BuildError;
use soa_runtime::observe::trace;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use super::writer::LineWriter;
use crate::settings::{LogFormat, LogLevel, LoggingSettings};

/// Longest time that the end of the process waits for whoever reads the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The writer of the log, once that is installed.
static WRITER: OnceLock<LineWriter> = OnceLock::new();

/// A layer beside the log: the export of traces, or one of the program's own.
pub(crate) type BesideLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Installs the log, unless the program has already installed a subscriber. Lines are coloured only on a terminal, and
/// only if the standard error stays the same for the life of the process.
///
/// # Errors
/// The thread that writes cannot be started.
pub(super) fn start(
    settings: &LoggingSettings,
    beside: Vec<BesideLayer>,
    may_be_coloured: bool,
) -> Result<(), BuildError> {
    let registry = tracing_subscriber::registry();
    let writer = LineWriter::new(settings.buffer_size);
    // No layers are not an empty list of layers, which would switch off everything. All as one layer would not do either:
    // the level of the first would apply to all.
    let installed = if beside.is_empty() {
        let lines = lines(settings, &writer, may_be_coloured);
        registry.with(lines).try_init()
    } else {
        let registry = registry.with(beside);
        let lines = lines(settings, &writer, may_be_coloured);
        registry.with(lines).try_init()
    };
    // An error means that there is a subscriber already.
    if installed.is_ok() {
        let failed = |error| BuildError::new(format!("the log cannot be started: {error}"));
        writer.start().map_err(failed)?;
        report_panics(&writer);
        // It is the first, as its subscriber is.
        let _ = WRITER.set(writer);
    }
    Ok(())
}

/// Waits until the log is written, for a second at most.
pub(crate) fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush(FLUSH_TIMEOUT);
    }
}

/// Writes a text to the standard error, after the lines of the log, and waits as [`flush`] does.
pub(crate) fn write_last(text: &str) {
    if let Some(writer) = WRITER.get() {
        writer.append(text.as_bytes());
        writer.flush(FLUSH_TIMEOUT);
    } else {
        // Nobody is left to be told.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Lets a panic be a line of the log while nobody reads the standard error: whoever reports it there would wait.
fn report_panics(writer: &LineWriter) {
    let writer = writer.clone();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if writer.is_stuck() {
            writer.append(format!("{panic}\n").as_bytes());
        } else {
            report(panic);
        }
    }));
}

/// The layer that writes lines.
fn lines<S>(
    settings: &LoggingSettings,
    writer: &LineWriter,
    may_be_coloured: bool,
) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let targets = settings.targets.iter();
    let filter = Targets::new()
        .with_default(level(settings.level))
        // The fields of a job's span are in each line. Other spans are for traces only.
        .with_target(trace::TRACE, LevelFilter::OFF)
        .with_target(trace::TRACED_JOB, LevelFilter::ERROR)
        .with_targets(targets.map(|(target, of_target)| (target.as_str(), level(*of_target))));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer.clone());
    let lines = match settings.format {
        LogFormat::Text => {
            let is_coloured = may_be_coloured && std::io::stderr().is_terminal();
            lines.with_ansi(is_coloured).fmt_fields(Fields).boxed()
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
        // `Trace`, the last of them.
        _ => LevelFilter::TRACE,
    }
}

/// A formatter that writes simple fields as `tracing_subscriber` does, but faster.
///
/// The fields of a job's span are formatted for every job, even if it logs nothing. Formatting them with `Debug` into a
/// growing string took a twentieth of a server's time.
struct Fields;

/// Largest buffer that a thread keeps, in bytes.
const BUFFER_SIZE_LIMIT: usize = 4096;

thread_local! {
    /// Buffer for simple fields, which are written at once.
    static BUFFER: Cell<String> = const { Cell::new(String::new()) };
}

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor {
            writer,
            is_empty: true,
            collected: BUFFER.take(),
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.flush();
        if visitor.collected.capacity() <= BUFFER_SIZE_LIMIT {
            BUFFER.set(visitor.collected);
        }
        visitor.result
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    is_empty: bool,
    collected: String,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn flush(&mut self) {
        if self.result.is_ok() && !self.collected.is_empty() {
            self.result = self.writer.write_str(&self.collected);
        }
        self.collected.clear();
    }

    /// Writes a field that is not simple by the visitor of `tracing_subscriber`.
    fn delegate(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        self.flush();
        if self.result.is_ok() {
            let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_empty);
            record(&mut visitor);
            self.result = visitor.finish();
            self.is_empty = false;
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let name = field.name();
        // These are formatted in other ways.
        let is_special = name == "message" || name.starts_with("r#") || name.starts_with("log.");
        let is_escaped = |byte: u8| !matches!(byte, b' '..=b'~') || byte == b'"' || byte == b'\\';
        // All of it, as several bytes at a time are faster than up to the first.
        let has_escaped = value
            .bytes()
            .fold(false, |has, byte| has | is_escaped(byte));
        if is_special || self.writer.has_ansi_escapes() || has_escaped {
            self.delegate(|visitor| visitor.record_str(field, value));
        } else {
            let space = if self.is_empty { "" } else { " " };
            for text in [space, name, "=\"", value, "\""] {
                self.collected.push_str(text);
            }
            self.is_empty = false;
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.delegate(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.delegate(|visitor| visitor.record_debug(field, value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Output {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// The log with these values, once by [`Fields`] and once by `tracing_subscriber`.
    fn both(is_coloured: bool, one: &str, other: &str) -> [String; 2] {
        let log = |own: bool| {
            let output = Output::default();
            let lines = tracing_subscriber::fmt::layer()
                .without_time()
                .with_writer(output.clone())
                .with_ansi(is_coloured);
            let lines = match own {
                true => lines.fmt_fields(Fields).boxed(),
                false => lines.boxed(),
            };
            with_default(tracing_subscriber::registry().with(lines), || {
                let empty = tracing::field::Empty;
                let span =
                    tracing::error_span!("job", one, count = 3, other, r#type = one, late = empty);
                let _entered = span.enter();
                span.record("late", other);
                let error = std::io::Error::other(other.to_owned());
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(other, error, ?one, "{one}");
                tracing::error!(one, "message");
            });
            let text = output.0.lock().unwrap().clone();
            String::from_utf8(text).unwrap()
        };
        [log(true), log(false)]
    }

    proptest! {
        #[test]
        fn lines_are_those_of_tracing_subscriber(
            is_coloured in any::<bool>(),
            one in "([a-z0-9-]{0,9}|.{0,9})",
            other in "([a-z0-9-]{0,9}|[\\\\\"\x1b\n é~ ]{0,5})",
        ) {
            let [own, theirs] = both(is_coloured, &one, &other);
            prop_assert_eq!(own, theirs);
        }
    }
}
