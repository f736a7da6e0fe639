//! Recordings as tests: what a service has answered, and what it answers now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use soa_runtime::client::Client;
use soa_runtime::recording::{Entry, Replay, Report};
use soa_runtime::server::{IntoServer, LocalTransport};
use soa_runtime::{Name, Value};

use crate::assertion::Unexpected;

/// A recording in a file, as the middleware `Record` writes it, to be replayed against a service in the test's own process.
///
/// [`replay!`](crate::replay) makes one, and fails the test by what it returns.
#[derive(Clone, Debug)]
pub struct Recording {
    file: PathBuf,
    replay: Replay,
    mistakes: Vec<String>,
}

impl Recording {
    /// Returns the recording in a file. It is read when it is replayed.
    pub fn in_file(file: impl AsRef<Path>) -> Self {
        Self {
            file: file.as_ref().to_owned(),
            replay: Replay::new(),
            mistakes: Vec::new(),
        }
    }

    /// Leaves fields out of the comparison: dotted paths, with `*` for any name or index.
    #[must_use]
    pub fn ignore<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        for field in fields {
            match field.parse() {
                Ok(path) => self.replay = self.replay.ignore([path]),
                Err(error) => self.mistakes.push(format!("`ignore`: {error}")),
            }
        }
        self
    }

    /// Sends actions that are not idempotent, too.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.replay = self.replay.force(force);
        self
    }

    /// Sets fields of each request, such as secrets, which are not in a recording.
    #[must_use]
    pub fn fields<'a, V: Into<Value>>(
        mut self,
        fields: impl IntoIterator<Item = (&'a str, V)>,
    ) -> Self {
        for (field, value) in fields {
            match field.parse() {
                Ok(path) => self.replay = self.replay.field(path, value),
                Err(error) => self.mistakes.push(format!("`fields`: {error}")),
            }
        }
        self
    }

    /// Sets keys of each context.
    #[must_use]
    pub fn context<K: Into<String>, V: Into<Value>>(
        mut self,
        keys: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (key, value) in keys {
            self.replay = self.replay.context(key, value);
        }
        self
    }

    /// Replays the recording against a service. Its calls pass the middleware of the server, without frames and queues.
    ///
    /// # Errors
    /// An answer differs, nothing could be sent, the file cannot be read, or the server cannot be built.
    pub async fn replay(&self, service: impl IntoServer) -> Result<Report, Unexpected> {
        let file = self.file.display();
        let failed = |problem: String| Unexpected::new(format!("{file}: {problem}"));
        if let Some(mistake) = self.mistakes.first() {
            return Err(failed(mistake.clone()));
        }
        let entries = self.read().map_err(failed)?;
        let server = service
            .into_server()
            .map_err(|error| failed(format!("the service cannot be built: {error}")))?;
        let name: Name = server.name().into();
        let client = Client::builder()
            .service(name.clone(), LocalTransport::new(server))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let client_of = |service: &str| (service == &*name).then(|| client.clone());
        let report = self.replay.run_with(&entries, client_of, || {}).await;
        if report.is_same() {
            return Ok(report);
        }
        if report.other_service == report.records {
            let names: BTreeSet<&str> = entries.iter().map(|(_, entry)| &*entry.service).collect();
            let names: Vec<&str> = names.into_iter().collect();
            return Err(failed(format!(
                "there is no record of the service `{name}`: they are of {}",
                names.join(", ")
            )));
        }
        let advice = match (report.sent(), report.not_idempotent) {
            (0, 1..) => {
                "\nno action may be sent again: `force = true` sends those that are not idempotent"
            }
            (0, _) => "\nno action may be sent again: `fields` and `context` set the secrets",
            _ => "",
        };
        Err(failed(format!(
            "the service does not answer as it was recorded\n{report}{advice}"
        )))
    }

    fn read(&self) -> Result<Vec<(usize, Entry)>, String> {
        let text = std::fs::read_to_string(&self.file);
        let text = text.map_err(|error| format!("it cannot be read: {error}"))?;
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        let entries = lines.map(|(index, line)| {
            let number = index + 1;
            let entry = Entry::from_line(line);
            let entry = entry.map_err(|error| format!("line {number}: {error}"))?;
            Ok((number, entry))
        });
        let entries = entries.collect::<Result<Vec<_>, String>>()?;
        match entries.is_empty() {
            true => Err("it has no recorded actions".to_owned()),
            false => Ok(entries),
        }
    }
}

/// Replays a recording against a service in the test's own process, and returns the
/// [`Report`](soa_runtime::recording::Report).
///
/// The file is relative to the crate. The service is one, a server, or the builder of one. The options are the methods of
/// [`Recording`], as `ignore = ["updated", "items.*.id"]` or `force = true`.
///
/// # Panics
/// If an answer differs, with the differences by field; or if nothing could be sent.
///
/// ```
/// use soa::{ActionError, Context, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let line = r#"{"format": 1, "time": "2026-11-21T08:30:00+00:00", "service": "tools", "action": "double",
/// #     "idempotent": true, "request": {"value": {"n": 2}}, "response": {"value": {"n": 4}}}"#.replace('\n', " ");
/// # let file = std::env::temp_dir().join(format!("soa-replay-{}.jsonl", std::process::id()));
/// # std::fs::write(&file, line).unwrap();
/// let tools = Server::untyped("tools", "1.0.0").action("double", |body: Value, _cx: Context| async move {
///     let n = body.get("n").and_then(Value::as_i64).unwrap_or_default();
///     Ok::<_, ActionError>(value!({ "n": (n * 2), "at": "now" }))
/// });
/// let report = soa::testing::replay!(&file, tools, ignore = ["at"]);
/// assert_eq!(report.same, 1);
/// # std::fs::remove_file(file).unwrap();
/// # }
/// ```
#[macro_export]
macro_rules! replay {
    ($file:expr, $service:expr $(, $option:ident = $value:expr)* $(,)?) => {{
        let file = ::std::path::Path::new(::core::env!("CARGO_MANIFEST_DIR")).join($file);
        let recording = $crate::Recording::in_file(file)$(.$option($value))*;
        match recording.replay($service).await {
            ::core::result::Result::Ok(report) => report,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    }};
}
