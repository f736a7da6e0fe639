//! The writer of records: a bounded queue, and a thread that empties it.
//!
//! A thread, as files block, and as a runtime that stops would drop a task with what it has not written.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use metrics::Counter;
use tokio::runtime::Handle;

use super::file::{RecordFile, Unwritten};
use super::rules::Dropped;
use crate::codec::{Map, UtcDateTime, Value};
use crate::message::{Body, WireError};
use crate::observe::names;
use crate::recording::{Entry, Outcome, RecordSink, Recorded};
use crate::redact::Redaction;

/// The greatest number of records that wait.
const MAX_WAITING: usize = 1_024;

/// The greatest size of what waits, in bytes.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// The greatest number of records that are written at once. Those of a batch are lost together if the process is killed.
const MAX_BATCH: usize = 32;

/// The longest time that a server waits for its records to be written when it ends.
const STOP_TIME: Duration = Duration::from_millis(500);

/// A record that is taken and not written yet.
pub(super) struct Taken {
    pub(super) time: UtcDateTime,
    pub(super) service: String,
    pub(super) action: String,
    pub(super) is_idempotent: bool,
    pub(super) correlation_id: String,
    pub(super) caller: Option<String>,
    pub(super) switches: Vec<i64>,
    pub(super) context: Map,
    pub(super) request: Body,
    pub(super) response: Option<Body>,
    pub(super) errors: Vec<WireError>,
    pub(super) took: Duration,
    /// The size of all of it, in bytes, roughly.
    pub(super) size: usize,
}

impl Taken {
    /// Makes the line of a record. `None` if one of its bodies is malformed: that is no action that could be replayed.
    fn into_line(self, redaction: &Redaction) -> Option<String> {
        let entry = Entry {
            time: self.time,
            service: self.service,
            action: self.action,
            is_idempotent: self.is_idempotent,
            correlation_id: self.correlation_id,
            caller: self.caller,
            switches: self.switches,
            context: Recorded::new(Value::Map(self.context), redaction),
            request: Recorded::of_body(&self.request, redaction)?,
            outcome: match self.response {
                Some(body) => Outcome::Answered(Recorded::of_body(&body, redaction)?),
                None => Outcome::of_errors(&self.errors, redaction),
            },
            took: self.took,
        };
        Some(entry.to_line())
    }
}

/// The way to the thread that writes. When it is dropped, the thread writes what waits, and ends.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<Taken>>>,
    /// True if the thread needs this one's runtime to write, so that nobody can wait for it.
    is_async: bool,
    shared: Arc<Shared>,
}

/// The state that the thread shares with those who give it records.
struct Shared {
    service: String,
    waiting_bytes: AtomicUsize,
    drops: Vec<Counter>,
    /// One bit for each reason that was logged.
    told: AtomicU8,
    is_done: (Mutex<bool>, Condvar),
}

impl Writer {
    pub(super) fn begin(service: &str, place: Place, redaction: Redaction) -> Self {
        let (queue, waiting) = sync_channel(MAX_WAITING);
        let drops = Dropped::ALL.map(|reason| {
            let labels = [service, reason.as_str()];
            names::RECORDING_DROPPED.counter(labels)
        });
        let shared = Arc::new(Shared {
            service: service.to_owned(),
            waiting_bytes: AtomicUsize::new(0),
            drops: drops.into(),
            told: AtomicU8::new(0),
            is_done: (Mutex::new(false), Condvar::new()),
        });
        let (written, own) = (
            names::RECORDING_WRITTEN.counter([service]),
            Arc::clone(&shared),
        );
        let is_async = matches!(place, Place::Sink(_));
        let runtime = Handle::try_current().ok();
        let thread = std::thread::Builder::new().name("soa-record".to_owned());
        let begun = thread.spawn(move || {
            let mut output = Output { place, runtime };
            run(&waiting, &own, &mut output, &redaction, &written);
            let (is_done, told) = &own.is_done;
            *is_done.lock().unwrap_or_else(PoisonError::into_inner) = true;
            told.notify_all();
        });
        if let Err(error) = &begun {
            shared.dropped(Dropped::Failed, error);
        }
        Self {
            queue: begun.is_ok().then_some(queue),
            is_async,
            shared,
        }
    }

    /// Puts a record into the queue, if there is a place.
    pub(super) fn take(&self, taken: Taken) {
        let size = taken.size;
        let waiting = &self.shared.waiting_bytes;
        if waiting.fetch_add(size, Ordering::Relaxed) + size > MAX_WAITING_BYTES {
            waiting.fetch_sub(size, Ordering::Relaxed);
            return self.dropped(Dropped::Busy);
        }
        let reason = match &self.queue {
            Some(queue) => match queue.try_send(Box::new(taken)) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => Dropped::Busy,
                Err(TrySendError::Disconnected(_)) => Dropped::Failed,
            },
            None => Dropped::Failed,
        };
        waiting.fetch_sub(size, Ordering::Relaxed);
        self.dropped(reason);
    }

    /// Counts a record that is not written.
    pub(super) fn dropped(&self, reason: Dropped) {
        self.shared.dropped(reason, &"");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without a sender, the thread ends when all is written.
        if self.queue.take().is_none() || self.is_async {
            return;
        }
        let (is_done, told) = &self.shared.is_done;
        let done = is_done.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = told.wait_timeout_while(done, STOP_TIME, |is_done| !*is_done);
    }
}

impl Shared {
    /// Counts a record that is not written, and logs the first of each reason.
    fn dropped(&self, reason: Dropped, error: &dyn fmt::Display) {
        let index = Dropped::ALL.iter().position(|one| *one == reason);
        let index = index.unwrap_or_default();
        if let Some(counter) = self.drops.get(index) {
            counter.increment(1);
        }
        let bit = 1 << index;
        if self.told.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            return;
        }
        let service = &*self.service;
        match reason {
            Dropped::Rate => tracing::info!(
                service,
                "actions are not recorded: there are more a second than `rate` allows"
            ),
            Dropped::TooLarge => tracing::info!(
                service,
                "an action is not recorded: it is larger than `record_size` allows"
            ),
            Dropped::Busy => tracing::warn!(
                service,
                "actions are not recorded: the place of the records is slower than they are; lower `share` or `rate`"
            ),
            Dropped::Full => tracing::warn!(
                service,
                "actions are not recorded any more: the file is full; take it away to go on"
            ),
            Dropped::Failed => tracing::error!(
                service, %error,
                "actions are not recorded: the records cannot be written; each further one tries again"
            ),
        }
    }
}

/// The place of records.
pub(super) enum Place {
    File(RecordFile),
    Sink(Arc<dyn RecordSink>),
}

/// The place of records, and the runtime of those who give them.
struct Output {
    place: Place,
    runtime: Option<Handle>,
}

impl Output {
    /// Writes lines. Returns the outcomes, each with its number of lines.
    fn write(&mut self, service: &str, lines: Vec<String>) -> Vec<(u64, Result<(), Unwritten>)> {
        let count = lines.len() as u64;
        let sink = match &mut self.place {
            Place::File(file) => {
                let lines: Vec<_> = lines.into_iter().map(|line| line + "\n").collect();
                return file.write(&lines, Instant::now());
            }
            Place::Sink(sink) => sink,
        };
        let outcome = match &self.runtime {
            // In a task, which ends with the runtime: a future of it that this thread polls would panic then.
            Some(runtime) => match runtime.block_on(runtime.spawn(sink.write(service, lines))) {
                Ok(outcome) => outcome.map_err(|error| error.to_string()),
                Err(stopped) => Err(stopped.to_string()),
            },
            None => Err("a sink needs a tokio runtime".to_owned()),
        };
        vec![(count, outcome.map_err(Unwritten::Failed))]
    }
}

/// Writes records until all of their senders are gone.
fn run(
    waiting: &Receiver<Box<Taken>>,
    shared: &Shared,
    output: &mut Output,
    redaction: &Redaction,
    written: &Counter,
) {
    while let Ok(first) = waiting.recv() {
        let rest = std::iter::from_fn(|| waiting.try_recv().ok());
        let mut batch = Vec::with_capacity(MAX_BATCH);
        for taken in std::iter::once(first).chain(rest.take(MAX_BATCH - 1)) {
            shared
                .waiting_bytes
                .fetch_sub(taken.size, Ordering::Relaxed);
            batch.extend(taken.into_line(redaction));
        }
        for (count, outcome) in output.write(&shared.service, batch) {
            match outcome {
                Ok(()) => written.increment(count),
                Err(Unwritten::Full) => {
                    (0..count).for_each(|_| shared.dropped(Dropped::Full, &""));
                }
                Err(Unwritten::Failed(error)) => {
                    (0..count).for_each(|_| shared.dropped(Dropped::Failed, &error));
                }
            }
        }
    }
}
