//! Records of requests and answers, to be replayed.
//!
//! ```text
//! action ─▶ Record ─▶ handler
//!             │ sampled, within the rate, small enough
//!             ▼
//!           queue, bounded ─▶ thread: decode, redact, write ─▶ a file, or a sink such as a stream of Redis
//! ```
//!
//! An action waits for nothing: its bodies are put into a queue as bytes, and if there is no place, they are dropped. All
//! else happens in a thread of its own. What is dropped is counted by its reason (`server.recording.dropped`), and the first of
//! each reason is logged. An action that is given up has no outcome, and no record.

mod file;
mod rules;
mod writer;

pub use self::rules::{Rules, WhenFull};

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::file::RecordFile;
use self::rules::Dropped;
use self::writer::{Place, Taken, Writer};
use crate::codec::{Map, UtcDateTime, Value};
use crate::context::{ActionCall, ActionStage, Context};
use crate::error::ActionError;
use crate::message::{ActionResponse, Body, Switch, WireError};
use crate::recording::RecordSink;
use crate::redact::Redaction;
use crate::stack::{Middleware, Next};

/// The actions of every server. They tell about the server, and are recorded only if they are named.
const BUILT_IN: [&str; 2] = ["introspect", "status"];

/// Action middleware that records requests and answers into a file, to be replayed: `soa replay`, and
/// [`Replay`](crate::recording::Replay). Clones share the file and its limits.
///
/// It records what stands inside of it, so it should be the outermost. Secrets are removed as they are from logs
/// ([`Redaction`]). The guide on recording has the format.
///
/// ```no_run
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::middleware::Record;
///
/// let record = Record::to_file("requests.jsonl").share(0.01).max_rate(10);
/// let server = Server::untyped("tools", "1.0.0").action_middleware(record).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Record {
    rules: Rules,
    sink: Option<Arc<dyn RecordSink>>,
    redaction: Redaction,
    actions: Option<Arc<[String]>>,
    state: Arc<State>,
}

/// The state that clones share.
#[derive(Default)]
struct State {
    /// The number of actions that could be recorded, from which chance is made.
    seen: AtomicU64,
    window: Mutex<Option<Window>>,
    /// A writer for each service, as clones may be in servers of several.
    writers: Mutex<Vec<(String, Arc<Writer>)>>,
}

/// The records of the present second.
#[derive(Clone, Copy)]
struct Window {
    since: Instant,
    records: u32,
}

impl Record {
    /// Returns middleware that writes a line of JSON for each action into this file. It is made with the first record, for
    /// its owner alone, and lines are added to one that is there.
    pub fn to_file(path: impl Into<PathBuf>) -> Self {
        Self {
            rules: Rules::of_file(path.into()),
            sink: None,
            redaction: Redaction::standard(),
            actions: None,
            state: Arc::default(),
        }
    }

    /// Returns middleware that hands a line of JSON for each action to a sink. The limits of files have no meaning for it.
    pub fn to_sink(sink: impl RecordSink) -> Self {
        Self {
            sink: Some(Arc::new(sink)),
            ..Self::to_file("")
        }
    }

    /// Sets the share of actions that are recorded, from 0 to 1; 1 by default. Which of them is left to chance.
    ///
    /// # Panics
    /// If `share` is not between 0 and 1.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&share),
            "the share of recorded actions is between 0 and 1, and not {share}"
        );
        self.rules.share = share;
        self
    }

    /// Sets the maximum number of records a second; 100 by default.
    #[must_use]
    pub fn max_rate(mut self, records: u32) -> Self {
        self.rules.max_rate = records;
        self
    }

    /// Sets the maximum size of a request, its context and its answer together, in bytes of the message, roughly; 64 KiB by
    /// default. Larger ones are not recorded.
    #[must_use]
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.rules.max_record_bytes = bytes;
        self
    }

    /// Sets the maximum size of the file, in bytes; 64 MiB by default.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.rules.max_file_bytes = bytes;
        self
    }

    /// Sets the treatment of a full file; by default [`WhenFull::Rotate`].
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.rules.when_full = when_full;
        self
    }

    /// Sets the redaction of secrets; [`Redaction::standard`] by default.
    #[must_use]
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Records these actions alone; by default all but `status` and `introspect`.
    #[must_use]
    pub fn actions<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.actions = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Returns the limits.
    #[doc(hidden)]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Begins a record, if this action is one of those to record.
    fn begin(&self, call: &ActionCall) -> Option<Begun> {
        let is_wanted = match &self.actions {
            Some(names) => names.iter().any(|name| **name == *call.action),
            None => !BUILT_IN.contains(&&*call.action),
        };
        if !is_wanted || !self.is_sampled() {
            return None;
        }
        let writer = self.writer(&call.context);
        let drop = |reason| {
            writer.dropped(reason);
            None
        };
        let Ok(request) = call.body.bytes() else {
            return None;
        };
        if request.len() > self.rules.max_record_bytes {
            return drop(Dropped::TooLarge);
        }
        if !self.is_within_rate() {
            return drop(Dropped::Rate);
        }
        // The body is a slice of the message, which would be kept as long as the handler runs.
        let request = Bytes::copy_from_slice(request);
        Some(Begun {
            since: Instant::now(),
            request: Body::from_bytes(call.body.encoding(), request),
            context: call.context.clone(),
            is_idempotent: call.context.is_idempotent(&call.action),
            action: call.action.to_string(),
            writer,
        })
    }

    /// Draws a number from the count of actions, as that is cheaper than a generator of chance, and as good here.
    fn is_sampled(&self) -> bool {
        if self.rules.share >= 1.0 {
            return true;
        }
        let mut mixed = self.state.seen.fetch_add(1, Ordering::Relaxed);
        // SplitMix64.
        mixed = mixed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "chance need not be exact")]
        let drawn = (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64;
        drawn < self.rules.share
    }

    fn is_within_rate(&self) -> bool {
        let now = Instant::now();
        // Nothing panics while it is locked.
        let mut window = self
            .state
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fresh = Window {
            since: now,
            records: 0,
        };
        let window = window.get_or_insert(fresh);
        if now.duration_since(window.since) >= Duration::from_secs(1) {
            *window = fresh;
        }
        let is_within = window.records < self.rules.max_rate;
        window.records += u32::from(is_within);
        is_within
    }

    /// Returns the writer of a service, which begins with its first record.
    fn writer(&self, context: &Context) -> Arc<Writer> {
        let service = context.service();
        // Nothing panics while it is locked.
        let mut writers = self
            .state
            .writers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, writer)) = writers.iter().find(|(name, _)| name == service) {
            return Arc::clone(writer);
        }
        let place = match &self.sink {
            Some(sink) => Place::Sink(Arc::clone(sink)),
            None => Place::File(RecordFile::new(&self.rules)),
        };
        let writer = Arc::new(Writer::begin(service, place, self.redaction.clone()));
        writers.push((service.to_owned(), Arc::clone(&writer)));
        writer
    }
}

/// A record whose action runs.
struct Begun {
    since: Instant,
    request: Body,
    context: Context,
    is_idempotent: bool,
    action: String,
    writer: Arc<Writer>,
}

impl Begun {
    fn end(self, outcome: &Result<ActionResponse, ActionError>, max_bytes: usize) {
        let took = self.since.elapsed();
        let (response, errors) = match outcome {
            Ok(response) if response.errors.is_empty() => (Some(&response.body), &*response.errors),
            Ok(response) => (None, &*response.errors),
            Err(error) => (None, error.errors()),
        };
        let header = self.context.header();
        // Callers choose the size of each of these.
        let size = [&self.request]
            .into_iter()
            .chain(response)
            .map(|body| body.bytes().map_or(0, |bytes| bytes.len()))
            .chain(errors.iter().map(weight_of_error))
            .chain(header.extra.iter().map(weight_of_pair))
            .fold(0, usize::saturating_add);
        if size > max_bytes {
            return self.writer.dropped(Dropped::TooLarge);
        }
        let caller = header.calling_service.as_ref().or(header.caller.as_ref());
        self.writer.take(Taken {
            time: UtcDateTime::now(),
            service: self.context.service().to_owned(),
            action: self.action,
            is_idempotent: self.is_idempotent,
            correlation_id: header.correlation_id.to_string(),
            caller: caller.map(ToString::to_string),
            switches: header.switches.iter().map(Switch::number).collect(),
            context: header.extra.clone(),
            request: self.request,
            response: response.cloned(),
            errors: errors.to_vec(),
            took,
            size,
        });
    }
}

/// The size of a value in memory, roughly.
fn weight(value: &Value) -> usize {
    let inner = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(weight).fold(0, usize::saturating_add),
        Value::Map(map) => map
            .iter()
            .map(weight_of_pair)
            .fold(0, usize::saturating_add),
        _ => 0,
    };
    inner.saturating_add(size_of::<Value>())
}

fn weight_of_pair((key, value): &(Value, Value)) -> usize {
    weight(key).saturating_add(weight(value))
}

fn weight_of_error(error: &WireError) -> usize {
    let texts = error.message.len() + error.field.as_ref().map_or(0, String::len);
    let variables = error.variables.iter().flat_map(Map::iter);
    variables
        .map(weight_of_pair)
        .fold(texts, usize::saturating_add)
}

impl Middleware<ActionStage> for Record {
    async fn call(
        &self,
        request: ActionCall,
        next: Next<ActionStage>,
    ) -> Result<ActionResponse, ActionError> {
        let Some(begun) = self.begin(&request) else {
            return next.run(request).await;
        };
        let outcome = next.run(request).await;
        begun.end(&outcome, self.rules.max_record_bytes);
        outcome
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_share_is_sampled() {
        let sampled = |share| {
            let record = Record::to_file("unused").share(share);
            (0..10_000).filter(|_| record.is_sampled()).count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 10_000));
        let tenth = sampled(0.1);
        assert!((900..1_100).contains(&tenth), "{tenth}");
    }

    #[test]
    fn the_rate_bounds_the_records_of_a_second() {
        let record = Record::to_file("unused").max_rate(5);
        let within = (0..100).filter(|_| record.is_within_rate()).count();
        assert!(within >= 5 && within % 5 == 0, "{within}");
    }
}
