//! The replay of entries: each is called again, and its answer compared.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::difference::differences;
use super::entry::{Entry, Outcome, error_list};
use super::exact::Recorded;
use super::path::FieldPath;
use super::report::Report;
use crate::client::Client;
use crate::codec::{Map, Value};
use crate::error::{ClientError, ErrorKind};
use crate::message::Switch;

/// The number of calls in a row without an answer after which a replay gives up.
const MAX_UNANSWERED: u64 = 10;

/// The time limit of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A replay of recorded actions. Each entry is sent as a call of its own, in their order.
///
/// Only actions that were recorded as idempotent are sent, unless [`force`](Self::force) is set, and only requests whose
/// secrets are known: those that were removed have to be set by [`field`](Self::field) and [`context`](Self::context).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::recording::{Entry, Replay};
/// use soa::{ActionError, Client, Context, LocalTransport, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let line = r#"{"format": 1, "time": "2026-11-21T08:30:00+00:00", "service": "tools", "action": "double",
///     "idempotent": true, "request": {"value": {"n": 2}}, "response": {"value": {"n": 4}}}"#;
/// let server = Server::untyped("tools", "2.0.0").action("double", |body: Value, _: Context| async move {
///     let n = body.get("n").and_then(Value::as_i64).unwrap_or_default();
///     Ok::<_, ActionError>(value!({ "n": (n * 3) }))
/// });
/// let client = Client::builder().service("tools", LocalTransport::new(server.build()?)).build()?;
/// let report = Replay::new().run(&client, &[(1, Entry::from_line(line)?)]).await;
/// assert!(!report.is_same());
/// assert_eq!(report.fields[0].path, "n");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    is_forced: bool,
    compares_texts: bool,
    parallel: usize,
    pause: Option<Duration>,
    timeout: Duration,
    service: Option<String>,
    ignored: Vec<FieldPath>,
    fields: Vec<(FieldPath, Value)>,
    context: Vec<(String, Value)>,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            is_forced: false,
            compares_texts: false,
            parallel: 1,
            pause: None,
            timeout: CALL_TIMEOUT,
            service: None,
            ignored: Vec::new(),
            fields: Vec::new(),
            context: Vec::new(),
        }
    }
}

impl Replay {
    /// Returns a replay that sends one call after another, as fast as they are answered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends actions that are not idempotent, too.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.is_forced = force;
        self
    }

    /// Compares values by their text form alone. For a way to the service that has no types, as HTTP.
    #[must_use]
    pub fn text_form(mut self, compares_texts: bool) -> Self {
        self.compares_texts = compares_texts;
        self
    }

    /// Sets the number of calls at once; 1 by default. With more, answers need not come in the order of the recording.
    #[must_use]
    pub fn parallel(mut self, calls: usize) -> Self {
        self.parallel = calls.max(1);
        self
    }

    /// Sets the largest number of calls that begin in a second; without a limit by default.
    #[must_use]
    pub fn rate(mut self, per_second: f64) -> Self {
        let pause = Duration::try_from_secs_f64(per_second.recip()).ok();
        self.pause = pause.filter(|pause| !pause.is_zero());
        self
    }

    /// Sets the time limit of each call; 5 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Calls a service of this name in place of the recorded one.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Leaves these fields out of the comparison.
    #[must_use]
    pub fn ignore(mut self, fields: impl IntoIterator<Item = FieldPath>) -> Self {
        self.ignored.extend(fields);
        self
    }

    /// Sets a field of each request.
    #[must_use]
    pub fn field(mut self, path: FieldPath, value: impl Into<Value>) -> Self {
        self.fields.push((path, value.into()));
        self
    }

    /// Sets a key of each context.
    #[must_use]
    pub fn context(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.context.push((key.into(), value.into()));
        self
    }

    /// Returns the name of the service that an entry is sent to.
    pub fn service_of<'a>(&'a self, entry: &'a Entry) -> &'a str {
        self.service.as_deref().unwrap_or(&entry.service)
    }

    /// Replays entries, each with the number of its line. The client needs a route to each of their services.
    pub async fn run(&self, client: &Client, entries: &[(usize, Entry)]) -> Report {
        self.run_with(entries, |_| Some(client.clone()), || {})
            .await
    }

    /// Replays entries with a client for each service, and tells when one of them is done. Entries without a client are not
    /// sent. A replay that nobody answers gives up.
    pub async fn run_with(
        &self,
        entries: &[(usize, Entry)],
        client_of: impl Fn(&str) -> Option<Client>,
        done: impl Fn(),
    ) -> Report {
        let mut report = Report::default();
        let mut clients: HashMap<&str, Option<Client>> = HashMap::new();
        let mut sent = Vec::with_capacity(entries.len());
        for (line, entry) in entries {
            report.records += 1;
            let service = self.service_of(entry);
            let client = clients.entry(service).or_insert_with(|| client_of(service));
            let request = self.request(entry);
            match (client, request) {
                (None, _) => report.other_service += 1,
                _ if !entry.is_idempotent && !self.is_forced => report.not_idempotent += 1,
                (_, None) => report.without_secrets += 1,
                (Some(client), Some(request)) => {
                    report.begin(entry);
                    sent.push((*line, entry, client.clone(), request));
                }
            }
        }
        let planned = sent.len();
        let begun = Instant::now();
        let paced = futures_util::stream::iter(sent.into_iter().enumerate());
        let paced = paced.then(|(index, call)| async move {
            if let Some(pause) = self.pause {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                tokio::time::sleep_until(begun + pause.saturating_mul(index)).await;
            }
            call
        });
        let calls = paced.map(|(line, entry, client, (body, context))| async move {
            let outcome = self.call(entry, &client, &body, context).await;
            (line, entry, outcome)
        });
        let mut calls = std::pin::pin!(calls.buffer_unordered(self.parallel));
        let (mut finished, mut in_vain) = (0, 0);
        while let Some((line, entry, outcome)) = calls.next().await {
            finished += 1;
            done();
            match outcome {
                Ok(now) => {
                    in_vain = 0;
                    let found = match self.compares_texts {
                        true => {
                            let (recorded, now) = (entry.outcome.in_text(), now.in_text());
                            differences(&recorded, &now, &self.ignored)
                        }
                        false => differences(&entry.outcome, &now, &self.ignored),
                    };
                    report.answered(line, entry, found);
                }
                Err(error) => {
                    in_vain += 1;
                    report.unanswered(line, &error);
                    if in_vain == MAX_UNANSWERED || error.kind() == ErrorKind::UnknownService {
                        break;
                    }
                }
            }
        }
        report.given_up = u64::try_from(planned - finished).unwrap_or(u64::MAX);
        report.finish();
        report
    }

    /// Returns the request of an entry and its context; `None` if a secret is missing.
    fn request(&self, entry: &Entry) -> Option<(Value, Map)> {
        let mut body = entry.request.value.clone();
        let mut context = match &entry.context.value {
            Value::Map(context) => context.clone(),
            _ => Map::new(),
        };
        let is_set = |path: &str| self.fields.iter().any(|(field, _)| field.covers(path));
        let has_key = |path: &str| self.context.iter().any(|(key, _)| *key == path);
        if !entry.request.redacted_paths().all(|path| is_set(&path))
            || !entry.context.redacted_paths().all(|path| has_key(&path))
        {
            return None;
        }
        for (path, value) in &self.fields {
            path.set(&mut body, value);
        }
        for (key, value) in &self.context {
            context.insert(key.as_str(), value.clone());
        }
        Some((body, context))
    }

    async fn call(
        &self,
        entry: &Entry,
        client: &Client,
        body: &Value,
        context: Map,
    ) -> Result<Outcome, ClientError> {
        let service = self.service_of(entry).to_owned();
        let mut call = client
            .call_action(service, entry.action.clone(), body)
            .timeout(self.timeout);
        for switch in &entry.switches {
            call = call.switch(Switch::new(*switch));
        }
        for (key, value) in context {
            if let Some(key) = key.as_str() {
                call = call.context(key.to_owned(), value);
            }
        }
        match call.await {
            Ok(response) => Ok(Outcome::Answered(Recorded::whole(response))),
            Err(error) if !error.errors().is_empty() => {
                Ok(Outcome::Failed(Recorded::whole(error_list(error.errors()))))
            }
            Err(error) => Err(error),
        }
    }
}
