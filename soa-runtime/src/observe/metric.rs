//! Every metric, in one table: its name, kind, unit, labels and what it tells.
//!
//! The names are the reference's where it has one for the same thing; there the parts of the name say what elsewhere
//! labels would. The table is what descriptions for recorders, the guide and the test of the dashboard are made from, and
//! the only place from which handles are made, so that a metric without an entry does not exist.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Unit, with_recorder};

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How often which values occurred.
    Histogram,
}

/// What a metric counts or measures in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricUnit {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name. Exporters may write it in another way: Prometheus has `_` for `.`.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// What it counts or measures in.
    pub unit: MetricUnit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Whether the reference has it by this name.
    pub is_of_reference: bool,
    /// What it tells.
    pub description: &'static str,
}

static METADATA: Metadata<'static> = Metadata::new("soa", Level::INFO, None);

impl Metric {
    /// The name as Prometheus has it, without what it appends for histograms.
    pub fn prometheus_name(&self) -> String {
        self.name.replace('.', "_")
    }

    /// The key of a handle; one value for each label, in their order.
    fn key<const N: usize>(&self, values: [&str; N]) -> Key {
        let labels = self.labels.iter().zip(values);
        let labels: Vec<Label> = labels
            .map(|(label, value)| Label::new(*label, value.to_owned()))
            .collect();
        Key::from_parts(self.name, labels)
    }

    #[doc(hidden)]
    pub fn counter<const N: usize>(&self, values: [&str; N]) -> Counter {
        let key = self.key(values);
        with_recorder(|recorder| recorder.register_counter(&key, &METADATA))
    }

    pub(crate) fn gauge<const N: usize>(&self, values: [&str; N]) -> Gauge {
        let key = self.key(values);
        with_recorder(|recorder| recorder.register_gauge(&key, &METADATA))
    }

    pub(crate) fn histogram<const N: usize>(&self, values: [&str; N]) -> Histogram {
        let key = self.key(values);
        with_recorder(|recorder| recorder.register_histogram(&key, &METADATA))
    }
}

/// Tells the recorder what every metric is. For programs with a recorder of their own, once it is installed.
pub fn describe_metrics() {
    with_recorder(|recorder| {
        for metric in METRICS {
            let unit = match metric.unit {
                MetricUnit::Count => Unit::Count,
                MetricUnit::Seconds => Unit::Seconds,
                MetricUnit::Bytes => Unit::Bytes,
            };
            let (name, text) = (metric.name.into(), metric.description.into());
            match metric.kind {
                MetricKind::Counter => recorder.describe_counter(name, Some(unit), text),
                MetricKind::Gauge => recorder.describe_gauge(name, Some(unit), text),
                MetricKind::Histogram => recorder.describe_histogram(name, Some(unit), text),
            }
        }
    });
}

/// The entries, and a constant in [`names`] for each.
macro_rules! table {
    ($($constant:ident = $origin:ident $kind:ident $unit:ident $name:literal [$($label:literal),*] $text:literal;)+) => {
        /// The metrics by their short names.
        #[doc(hidden)]
pub mod names {
            use super::{Metric, MetricKind, MetricUnit};
            #[doc(hidden)]
            $(pub const $constant: Metric = Metric {
                name: $name,
                kind: MetricKind::$kind,
                unit: MetricUnit::$unit,
                labels: &[$($label),*],
                is_of_reference: super::$origin,
                description: $text,
            };)+
        }

        /// Every metric of the framework.
        pub const METRICS: &[Metric] = &[$(names::$constant),+];
    };
}

const REFERENCE: bool = true;
const OURS: bool = false;

table! {
    JOB_TIME = OURS Histogram Seconds "server.job.time" ["service"]
        "How long jobs take, from when a request is read to when its response is made.";
    ACTION_TIME = OURS Histogram Seconds "server.action.time" ["service", "action"]
        "How long actions take, middleware included.";
    ACTION_ERROR = OURS Counter Count "server.action.error" ["service", "action", "code"]
        "Errors that actions answered with, by their codes.";
    QUEUE_WAIT = OURS Histogram Seconds "server.queue_wait" ["service"]
        "How long requests waited from when they were sent to when they were read, by the clocks of two machines.";
    SERVER_CALL = OURS Counter Count "server.call" ["from", "to", "action"]
        "Who calls whom, as the called service sees it: `from` is `program` where no service calls.";
    DROPPED = OURS Counter Count "server.message.dropped" ["service", "reason"]
        "Messages that nobody can answer, by what is wrong with them, but for those with a metric of their own.";
    IDLE_TIME = REFERENCE Histogram Seconds "server.idle_time" ["service"]
        "How long the server waited for the next requests.";
    BUSY = REFERENCE Gauge Count "server.worker.busy" ["service"]
        "How many jobs run. The reference runs one at a time.";
    RUNNING = REFERENCE Gauge Count "server.worker.running" ["service"]
        "How many run loops run.";
    STARTUP = REFERENCE Counter Count "server.worker.startup" ["service"]
        "Run loops that were started.";
    SHUTDOWN = REFERENCE Counter Count "server.worker.shutdown" ["service"]
        "Run loops that have ended.";
    RESPAWN = OURS Counter Count "server.worker.respawn" []
        "Processes of `--fork` that ended by themselves and were started again.";
    HARAKIRI = REFERENCE Counter Count "server.error.harakiri" ["service", "harakiri_level"]
        "What was given up for taking too long, by whether it was an `action` or a `job`.";
    JOB_ERROR = REFERENCE Counter Count "server.error.job_error" ["service"]
        "Jobs that job middleware refused.";
    UNHANDLED_ERROR = REFERENCE Counter Count "server.error.unhandled_error" ["service"]
        "Handlers and middleware that panicked.";
    RESPONSE_TOO_LARGE = REFERENCE Counter Count "server.error.response_too_large" ["service"]
        "Responses that were too large to be sent.";
    RESPONSE_NOT_SERIALIZABLE = REFERENCE Counter Count "server.error.response_not_serializable" ["service"]
        "Responses that could not be encoded.";
    EXPIRED = REFERENCE Counter Count "server.transport.redis_gateway.receive.error.message_expired" ["service"]
        "Requests that nobody waited for any more when they were read.";
    NO_REQUEST_ID = REFERENCE Counter Count "server.transport.redis_gateway.receive.error.no_request_id" ["service"]
        "Requests without a usable id.";
    SERVER_SEND = REFERENCE Histogram Seconds "server.transport.redis_gateway.send" ["service"]
        "How long it takes until Redis has a response.";
    SERVER_SIZE = REFERENCE Histogram Bytes "server.transport.redis_gateway.send.message_size" ["service"]
        "How large responses are.";
    SERVER_RETRY = REFERENCE Counter Count "server.transport.redis_gateway.send.queue_full_retry" ["service"]
        "Pushes of responses that were refused, and are tried again.";
    RESPONSE_LOST = OURS Counter Count "server.response.lost" ["service"]
        "Responses that could not be sent.";
    CALL_TIME = OURS Histogram Seconds "client.call.time" ["service", "action"]
        "How long calls take, middleware included. Of a job of several actions, its first counts.";
    CALL_ERROR = OURS Counter Count "client.call.error" ["service", "action", "kind"]
        "Calls without a response, by why. Errors that services answer with are theirs to count.";
    CLIENT_CALL = OURS Counter Count "client.call" ["from", "to", "action"]
        "Who calls whom, as the caller sees it: `from` is `program` where no service calls.";
    PENDING = OURS Gauge Count "client.pending" ["service"]
        "How many calls wait for their answers.";
    CLIENT_SEND = REFERENCE Histogram Seconds "client.transport.redis_gateway.send" ["service"]
        "How long it takes until Redis has a request.";
    CLIENT_SIZE = REFERENCE Histogram Bytes "client.transport.redis_gateway.send.message_size" ["service"]
        "How large requests are.";
    CLIENT_RETRY = REFERENCE Counter Count "client.transport.redis_gateway.send.queue_full_retry" ["service"]
        "Pushes of requests that were refused, and are tried again.";
    CLIENT_TOO_LARGE = REFERENCE Counter Count "client.transport.redis_gateway.send.error.message_too_large" ["service"]
        "Requests that were too large to be sent.";
    CLIENT_TIMEOUT = REFERENCE Counter Count "client.transport.redis_gateway.receive.error.timeout" ["service"]
        "Calls whose answer did not come in time.";
    RECONNECT = OURS Counter Count "redis.reconnect" ["redis"]
        "Connections to a Redis that were lost and made anew.";
}
