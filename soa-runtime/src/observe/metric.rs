//! The table of all metrics, with their names, kinds, units, labels and descriptions.
//!
//! The names are the reference's if it has the same metric; parts of such a name take the place of labels. Descriptions
//! for recorders, the guide and the test of the dashboard are made from this table, and handles are made only from its
//! entries, so that a metric without an entry does not exist.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Unit, with_recorder};

/// The kinds of metrics.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::observe::{METRICS, MetricKind};
///
/// for metric in METRICS.iter().filter(|metric| metric.kind == MetricKind::Counter) {
///     println!("rate({}[5m])", metric.prometheus_name());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A number that only rises.
    Counter,
    /// A number that rises and falls.
    Gauge,
    /// The distribution of values.
    Histogram,
}

/// The units of metrics.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::observe::{METRICS, MetricUnit};
///
/// // Metrics in seconds get buckets of their own.
/// let timed = METRICS.iter().filter(|metric| metric.unit == MetricUnit::Seconds);
/// assert!(timed.count() > 0);
/// ```
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
///
/// ```
/// # use soa_runtime as soa;
/// use soa::observe::{METRICS, MetricKind, MetricUnit};
///
/// let job_time = METRICS.iter().find(|metric| metric.name == "server.job.time").unwrap();
/// assert_eq!((job_time.kind, job_time.unit), (MetricKind::Histogram, MetricUnit::Seconds));
/// assert_eq!(job_time.prometheus_name(), "server_job_time");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// The name. Exporters may write it in another way: Prometheus has `_` for `.`.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// The unit.
    pub unit: MetricUnit,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// True if the reference has a metric of this name.
    pub is_of_reference: bool,
    /// The description.
    pub description: &'static str,
}

static METADATA: Metadata<'static> = Metadata::new("soa", Level::INFO, None);

impl Metric {
    /// Returns the name in Prometheus, without the suffixes that it adds for histograms.
    pub fn prometheus_name(&self) -> String {
        self.name.replace('.', "_")
    }

    /// Returns the key of a handle, with one value for each label, in order.
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

    #[doc(hidden)]
    pub fn gauge<const N: usize>(&self, values: [&str; N]) -> Gauge {
        let key = self.key(values);
        with_recorder(|recorder| recorder.register_gauge(&key, &METADATA))
    }

    #[doc(hidden)]
    pub fn histogram<const N: usize>(&self, values: [&str; N]) -> Histogram {
        let key = self.key(values);
        with_recorder(|recorder| recorder.register_histogram(&key, &METADATA))
    }
}

/// Describes all metrics to the recorder. For programs with a recorder of their own, once it is installed.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::observe::describe_metrics;
///
/// // First the program installs its recorder: `metrics::set_global_recorder(…)`.
/// describe_metrics();
/// ```
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
        "The time of jobs, from when a request is read to when its response is made.";
    ACTION_TIME = OURS Histogram Seconds "server.action.time" ["service", "action"]
        "The time of actions, middleware included.";
    ACTION_ERROR = OURS Counter Count "server.action.error" ["service", "action", "code"]
        "Errors of actions, by their codes.";
    QUEUE_WAIT = OURS Histogram Seconds "server.queue_wait" ["service"]
        "The time of requests in the queue, from when they were sent to when they were read, by the clocks of two machines.";
    SERVER_CALL = OURS Counter Count "server.call" ["from", "to", "action"]
        "Calls by caller and action, counted by the called service. `from` is `program` for a caller that is not a service.";
    DROPPED = OURS Counter Count "server.message.dropped" ["service", "reason"]
        "Messages that cannot be answered and were dropped, by reason, except for those with a metric of their own.";
    REFUSED = OURS Counter Count "server.request.refused" ["service", "reason"]
        "Requests that were not started, by reason: `overloaded` (too old when they were read) or `reply_list_full` (the caller takes no responses).";
    HELD = OURS Gauge Count "server.job.held" ["service"]
        "Requests that this process has taken and not answered yet, and that survive it.";
    REDELIVERED = OURS Counter Count "server.job.redelivered" ["service", "reason"]
        "Jobs that were given back to be run again, by reason: `crash` or `handed-over` (a clean stop). Counted by the process that gave them back.";
    OUTCOME_UNKNOWN = OURS Counter Count "server.job.outcome_unknown" ["service"]
        "Jobs whose process was gone and that must not run again: their callers heard `OUTCOME_UNKNOWN`.";
    DEAD = OURS Counter Count "server.job.dead" ["service", "reason"]
        "Jobs that became dead letters, by reason: `poison` (they ended too many processes).";
    LEASE_LOST = OURS Counter Count "server.lease.lost" ["service"]
        "Times that this process was given up for dead while it lived.";
    LEASE_BURNT = OURS Counter Count "server.lease.burnt" ["service"]
        "Processes that this one gave up for dead.";
    FENCED = OURS Counter Count "server.reply.fenced" ["service"]
        "Responses that were not sent, as their jobs had been given to other processes.";
    IDLE_TIME = REFERENCE Histogram Seconds "server.idle_time" ["service"]
        "The time that the server waited for the next requests.";
    BUSY = REFERENCE Gauge Count "server.worker.busy" ["service"]
        "Running jobs. The reference runs one at a time.";
    RUNNING = REFERENCE Gauge Count "server.worker.running" ["service"]
        "Running run loops.";
    STARTUP = REFERENCE Counter Count "server.worker.startup" ["service"]
        "Run loops that were started.";
    SHUTDOWN = REFERENCE Counter Count "server.worker.shutdown" ["service"]
        "Run loops that ended.";
    RESPAWN = OURS Counter Count "server.worker.respawn" []
        "Processes of `--fork` that ended by themselves and were started again.";
    HARAKIRI = REFERENCE Counter Count "server.error.harakiri" ["service", "harakiri_level"]
        "Actions and jobs that were given up at their deadline, by level: `action` or `job`.";
    JOB_ERROR = REFERENCE Counter Count "server.error.job_error" ["service"]
        "Jobs that job middleware rejected.";
    UNHANDLED_ERROR = REFERENCE Counter Count "server.error.unhandled_error" ["service"]
        "Handlers and middleware that panicked.";
    RESPONSE_TOO_LARGE = REFERENCE Counter Count "server.error.response_too_large" ["service"]
        "Responses that were too large to be sent.";
    RESPONSE_NOT_SERIALIZABLE = REFERENCE Counter Count "server.error.response_not_serializable" ["service"]
        "Responses that could not be encoded.";
    EXPIRED = REFERENCE Counter Count "server.transport.redis_gateway.receive.error.message_expired" ["service"]
        "Requests that had expired when they were read.";
    NO_REQUEST_ID = REFERENCE Counter Count "server.transport.redis_gateway.receive.error.no_request_id" ["service"]
        "Requests without a usable id.";
    SERVER_SEND = REFERENCE Histogram Seconds "server.transport.redis_gateway.send" ["service"]
        "The time to push a response to Redis.";
    SERVER_SIZE = REFERENCE Histogram Bytes "server.transport.redis_gateway.send.message_size" ["service"]
        "The size of responses.";
    SERVER_RETRY = REFERENCE Counter Count "server.transport.redis_gateway.send.queue_full_retry" ["service"]
        "Retries of responses that did not fit into the queue.";
    RESPONSE_LOST = OURS Counter Count "server.response.lost" ["service"]
        "Responses that could not be sent.";
    RECORDING_WRITTEN = OURS Counter Count "server.recording.written" ["service"]
        "Actions that were recorded, to be replayed.";
    RECORDING_DROPPED = OURS Counter Count "server.recording.dropped" ["service", "reason"]
        "Sampled actions that were not recorded, by reason: `rate`, `too_large`, `busy` (what they are written to is too slow), `full` or `failed`.";
    CALL_TIME = OURS Histogram Seconds "client.call.time" ["service", "action"]
        "The time of calls, middleware included. A job of several actions counts for its first.";
    CALL_ERROR = OURS Counter Count "client.call.error" ["service", "action", "kind"]
        "Calls that failed without a response, by kind of error. The service counts errors in responses.";
    CLIENT_CALL = OURS Counter Count "client.call" ["from", "to", "action"]
        "Calls by caller and action, counted by the caller. `from` is `program` for a caller that is not a service.";
    PENDING = OURS Gauge Count "client.pending" ["service"]
        "Calls that wait for their responses.";
    CLIENT_SEND = REFERENCE Histogram Seconds "client.transport.redis_gateway.send" ["service"]
        "The time to push a request to Redis.";
    CLIENT_SIZE = REFERENCE Histogram Bytes "client.transport.redis_gateway.send.message_size" ["service"]
        "The size of requests.";
    CLIENT_RETRY = REFERENCE Counter Count "client.transport.redis_gateway.send.queue_full_retry" ["service"]
        "Retries of requests that did not fit into the queue.";
    CLIENT_TOO_LARGE = REFERENCE Counter Count "client.transport.redis_gateway.send.error.message_too_large" ["service"]
        "Requests that were too large to be sent.";
    CLIENT_TIMEOUT = REFERENCE Counter Count "client.transport.redis_gateway.receive.error.timeout" ["service"]
        "Calls without a response in time.";
    LOG_LOST = OURS Counter Count "log.lost" []
        "Lines of the log that were lost, since nobody read it fast enough.";
    RECONNECT = OURS Counter Count "redis.reconnect" ["redis"]
        "Reconnections to a Redis after the connection was lost.";
    SENTINEL_UNANSWERED = OURS Counter Count "redis.sentinel.unanswered" ["master"]
        "Connections to the last known place of a master, as no sentinel answered.";
    CLIENT_ATTEMPT = OURS Counter Count "client.attempt" ["component", "outcome"]
        "Attempts to call an address of a component, by outcome: `answered`, `overloaded`, `unreachable` (never sent), `lost` \
         (it may have run) or `other`.";
    CLIENT_EJECTED = OURS Gauge Count "client.address.ejected" ["component"]
        "Addresses of a component that have failed, and are left out until they answer again.";
    CLIENT_REGISTRY_INSTANCES = OURS Gauge Count "client.registry.instances" ["component"]
        "Instances of a component that are called.";
    CLIENT_REGISTRY_ERROR = OURS Counter Count "client.registry.error" ["component"]
        "Questions to a registry that failed.";
    CLIENT_REGISTRY_TROUBLE = OURS Gauge Count "client.registry.trouble" ["component"]
        "Lists of a component that may be old, since their registry cannot be asked.";
    SERVER_REGISTRY_KNOWN = OURS Gauge Count "server.registry.known" ["component"]
        "Instances of this process that its registry knows.";
    SERVER_REGISTRY_ERROR = OURS Counter Count "server.registry.error" ["component"]
        "Registrations that failed.";
}
