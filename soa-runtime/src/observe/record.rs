//! The record of a worker: what a server process tells about itself, for tools that show a fleet.
//!
//! It is JSON, and small: numbers since the start of the process, and the same for the time just before. Everything that
//! peers choose (names of callers, codes of errors) is bounded, and the rest is told as [`OTHER`]. A reader ignores keys that
//! it does not know, and takes absent ones as empty, so that records of several versions stand side by side.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The key of a service's records in Redis begins with this, below the tag of the service, and ends with the worker's id.
pub const WORKER_KEY: &str = "worker.";

/// Time after which a record is forgotten that is not told again.
pub const LIFETIME: Duration = Duration::from_secs(10);

/// The key of a service whose workers take no requests at present.
pub const PAUSED_KEY: &str = "paused";

/// The key of a service in which a watcher leaves its order.
pub const WATCH_KEY: &str = "watch";

/// The key of a service in which workers leave samples begins with this, and ends with the id of the watcher.
pub const WATCHED_KEY: &str = "watched.";

/// The name of callers and codes that are too many to be told one by one.
pub const OTHER: &str = "other";

/// The name of callers that are not services.
pub const PROGRAM: &str = "program";

/// The record of a worker about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerRecord {
    /// Name of the service.
    pub service: String,
    /// Version of the service.
    pub version: String,
    /// Build of the service, if it has one.
    pub build: Option<String>,
    /// Digest of the schemas of all actions: workers with the same one have the same contract.
    pub schemas: Option<String>,
    /// Name of the machine.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// Time of the start of the process, in seconds since 1970.
    pub started: f64,
    /// Time at which this was written, in seconds since 1970.
    pub at: f64,
    /// Largest number of jobs in flight.
    pub concurrency: usize,
    /// Number of jobs in flight.
    pub running: usize,
    /// Number of jobs that were started.
    pub jobs: u64,
    /// Number of jobs that were refused, as they were too old or too many.
    pub refused: u64,
    /// Number of messages that were dropped: expired or unreadable.
    pub dropped: u64,
    /// True if the worker takes no requests at present.
    pub is_paused: bool,
    /// Time that the fields `lately…` are about, in seconds.
    pub lately_seconds: f64,
    /// Actions that were called, by name.
    pub actions: BTreeMap<String, ActionRecord>,
    /// Services that handlers have called, by name.
    pub called: BTreeMap<String, CalledRecord>,
    /// Oldest jobs in flight, the oldest first.
    pub oldest: Vec<FlightRecord>,
}

/// The part of a worker's record about an action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActionRecord {
    /// Number of calls that were started.
    pub calls: u64,
    /// Errors in responses, by code.
    pub errors: BTreeMap<String, u64>,
    /// Calls by the service that called.
    pub callers: BTreeMap<String, u64>,
    /// Times of the calls that have ended.
    pub times: Sketch,
    /// Times of the calls that have ended lately.
    pub lately: Sketch,
    /// Number of errors lately.
    pub lately_errors: u64,
    /// Shortest time that a caller was willing to wait lately, in milliseconds.
    pub shortest_patience: Option<u64>,
}

/// The part of a worker's record about a service that it calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CalledRecord {
    /// Number of calls.
    pub calls: u64,
    /// Number of calls that failed.
    pub failed: u64,
}

/// A job in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlightRecord {
    /// Action that runs.
    pub action: String,
    /// Service that called; `None` for a program.
    pub caller: Option<String>,
    /// Time since the action began, in milliseconds.
    pub running_for: u64,
    /// Time until the deadline of the job, in milliseconds. Negative after it; `None` without one.
    pub left: Option<i64>,
}

/// The order of a watcher: what it wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchOrder {
    /// Id of the watcher, of at most 64 letters, digits and dashes. There is one watcher at a time.
    pub watcher: String,
    /// Action; `None` for all.
    pub action: Option<String>,
    /// Largest number of samples a second of one worker.
    pub per_second: u32,
}

/// A request that was sampled, with its answer. Secrets are removed from both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Time of the answer, in seconds since 1970.
    pub at: f64,
    /// Action that was called.
    pub action: String,
    /// Service or program that called.
    pub caller: Option<String>,
    /// Correlation id of the job.
    pub correlation_id: String,
    /// Time that the action took, in seconds.
    pub took_seconds: f64,
    /// Body of the request, as text.
    pub request: String,
    /// Body of the response, as text; empty with errors.
    pub response: String,
    /// Errors, each with its code.
    pub errors: Vec<String>,
}

/// A sketch of times: how many were about how long. Sketches of several workers can be added.
///
/// Each power of two of microseconds has eight buckets, so a time is known to about 6 %. There are 256 buckets, for times up
/// to two hours; longer ones count as that.
///
/// Written as a flat list of buckets and counts, without those that are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Counts by bucket, sorted by bucket.
    counts: BTreeMap<u8, u64>,
}

/// Number of buckets of a power of two, and the number of bits that tell them apart.
const PARTS: u64 = 8;
const PART_BITS: u32 = 3;

/// Number of buckets.
pub const BUCKETS: usize = 256;

impl Sketch {
    /// The bucket of a time.
    pub fn bucket(micros: u64) -> u8 {
        if micros < PARTS {
            return u8::try_from(micros).unwrap_or(u8::MAX);
        }
        let exponent = micros.ilog2();
        let part = (micros >> (exponent - PART_BITS)) % PARTS;
        let bucket = u64::from(exponent - PART_BITS + 1) * PARTS + part;
        u8::try_from(bucket).unwrap_or(u8::MAX)
    }

    /// The shortest time of a bucket, and the shortest of the next one, in microseconds.
    fn bounds(bucket: u8) -> (f64, f64) {
        let bucket = u64::from(bucket);
        if bucket < PARTS {
            let least = f64::from(u32::try_from(bucket).unwrap_or(0));
            return (least, least + 1.0);
        }
        let exponent = i32::try_from(bucket / PARTS - 1).unwrap_or(0);
        let part = f64::from(u32::try_from(bucket % PARTS).unwrap_or(0));
        let width = 2_f64.powi(exponent);
        let least = (8.0 + part) * width;
        (least, least + width)
    }

    /// Adds times to a bucket.
    pub fn add(&mut self, bucket: u8, count: u64) {
        if count > 0 {
            let known = self.counts.entry(bucket).or_default();
            *known = known.saturating_add(count);
        }
    }

    /// Adds all times of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            self.add(*bucket, *count);
        }
    }

    /// The number of times.
    pub fn count(&self) -> u64 {
        self.counts
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time, in seconds, that this part of all times do not exceed: 0.5 for the median. `None` without times.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the part of a count need not be exact"
    )]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * part.clamp(0.0, 1.0)).ceil() as u64).clamp(1, count);
        let mut seen = 0_u64;
        for (bucket, count) in &self.counts {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                let (least, next) = Self::bounds(*bucket);
                return Some(f64::midpoint(least, next) / 1_000_000.0);
            }
        }
        None
    }
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.counts.len() * 2))?;
        for (bucket, count) in &self.counts {
            list.serialize_element(bucket)?;
            list.serialize_element(count)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Sketch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of buckets and counts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sketch, A::Error> {
                let mut sketch = Sketch::default();
                while let Some(bucket) = list.next_element()? {
                    let count = list.next_element()?;
                    let count =
                        count.ok_or_else(|| A::Error::custom("a bucket without a count"))?;
                    sketch.add(bucket, count);
                }
                Ok(sketch)
            }
        }

        deserializer.deserialize_seq(Pairs)
    }
}

impl WatchOrder {
    /// Reads an order. `None` if it is not one: whoever may write the key may write anything.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let order: Self = serde_json::from_slice(bytes).ok()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_id = order.watcher.len() <= 64 && order.watcher.bytes().all(is_plain);
        is_id.then_some(order)
    }
}

impl WorkerRecord {
    /// Reads a record. `None` if it is not one: whoever may write the key may write anything.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The times of all actions lately.
    pub fn lately(&self) -> Sketch {
        let mut all = Sketch::default();
        for action in self.actions.values() {
            all.merge(&action.lately);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_at_most_an_eighth_wide_and_they_follow_each_other() {
        let is_within = |micros: u64| {
            let (least, next) = Sketch::bounds(Sketch::bucket(micros));
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let exact = micros as f64;
            assert!(
                least <= exact && exact < next,
                "{micros}: {least} to {next}"
            );
            assert!(next - least <= (least / 8.0).max(1.0), "{micros}");
        };
        let mut last = 0;
        for micros in 0..4_000 {
            is_within(micros);
            let bucket = Sketch::bucket(micros);
            assert!(bucket == last || bucket == last + 1, "{micros}");
            last = bucket;
        }
        for bits in 2..34 {
            is_within((1 << bits) - 1);
        }
        assert_eq!(Sketch::bucket(u64::MAX), u8::MAX);
    }

    #[test]
    fn sketches_of_two_workers_add_up_to_that_of_both() {
        let of = |times: &[u64]| {
            let mut sketch = Sketch::default();
            for micros in times {
                sketch.add(Sketch::bucket(*micros), 1);
            }
            sketch
        };
        let mut first = of(&[100, 200, 300]);
        first.merge(&of(&[400, 1_000_000]));
        assert_eq!(first, of(&[100, 200, 300, 400, 1_000_000]));
        let close = |part, seconds: f64| {
            let found = first.quantile(part).unwrap();
            assert!(
                (found / seconds - 1.0).abs() < 0.07,
                "{found} for {seconds}"
            );
        };
        close(0.5, 0.000_300);
        close(0.99, 1.0);
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_by_older_readers() {
        let mut record = WorkerRecord {
            service: "books".to_owned(),
            ..WorkerRecord::default()
        };
        let mut action = ActionRecord::default();
        action.times.add(40, 7);
        record.actions.insert("find".to_owned(), action);
        let mut json = serde_json::to_value(&record).unwrap();
        json["of_tomorrow"] = true.into();
        let text = json.to_string();
        assert_eq!(WorkerRecord::read(text.as_bytes()), Some(record));
        assert_eq!(WorkerRecord::read(b"{}"), Some(WorkerRecord::default()));
        for nonsense in [
            "",
            "7",
            "[1]",
            r#"{"actions": 7}"#,
            r#"{"actions":{"a":{"times":[1]}}}"#,
        ] {
            assert_eq!(WorkerRecord::read(nonsense.as_bytes()), None, "{nonsense}");
        }
    }
}
