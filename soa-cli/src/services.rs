//! `soa services`: all services that can be seen, with their queues, workers and rates.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use soa_runtime::ErrorKind;
use soa_runtime::codec::Value;
use soa_runtime::observe::record::Sketch;
use soa_runtime::value;

use crate::arguments::ServicesArguments;
use crate::connect::{Redis, Target};
use crate::failure::Failure;
use crate::fleet::{Fleet, Queue, Service, Worker};
use crate::output::{Cell, Output, Tone, latency, print, rate, time};
use crate::progress::while_running;

/// Time that a service without records has to answer `status`.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// Number of services that are asked at once.
const AT_ONCE: usize = 64;

/// The services that are not shown.
const IDLE: &str =
    "an idle service of PySOA that no other calls leaves no trace: name it with --service NAME";

/// Depth from which a queue is shown as a long one.
const LONG: u64 = 100;

/// A service, as it is shown.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) depth: u64,
    pub(crate) oldest: Option<Duration>,
    /// Number of workers that tell records.
    pub(crate) workers: usize,
    pub(crate) is_paused: bool,
    /// Requests a second that arrive; `None` if that cannot be seen.
    pub(crate) rate_in: Option<f64>,
    /// Calls a second that end; `None` if no worker tells.
    pub(crate) rate_out: Option<f64>,
    pub(crate) errors: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) versions: BTreeSet<String>,
    pub(crate) state: State,
}

/// The way in which a service is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Its workers tell records.
    Recorded,
    /// A worker without a record has answered `status`.
    Answers,
    /// Nobody has answered `status`.
    Silent,
    /// It was not asked, and no worker tells a record.
    #[default]
    Unknown,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Recorded => "records",
            Self::Answers => "answers",
            Self::Silent => "silent",
            Self::Unknown => "unknown",
        }
    }
}

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: ServicesArguments,
) -> Result<(), Failure> {
    let redis = target.connect("services").await?;
    let look = look(&redis, &arguments);
    let (lines, mut notes) = while_running("looking at the fleet", look).await?;
    let silent = lines.iter().filter(|line| line.state == State::Silent);
    let silent: Vec<&str> = silent.map(|line| line.name.as_str()).collect();
    if lines.is_empty() {
        notes.push(format!(
            "no service can be seen in Redis at {}: no queue holds a request, and no worker tells a record. An idle worker of \
             PySOA leaves no trace: name its service with --service NAME",
            redis.address()
        ));
    } else if arguments.service.is_empty() {
        notes.push(IDLE.to_owned());
    }
    if !silent.is_empty() {
        notes.push(format!(
            "nobody answered for {}: start a worker, or see `soa queue peek NAME` for what waits",
            soa_program::settings::listed(silent.into_iter().take(10), "and")
        ));
    }
    if output.as_json {
        return output.json(&json!({
            "redis": redis.address(),
            "services": lines.iter().map(as_json).collect::<Vec<_>>(),
            "notes": notes,
        }));
    }
    let mut out = String::new();
    if !lines.is_empty() {
        out += &table(output, &lines);
    }
    for note in &notes {
        out += &format!("{}\n", output.dim(note));
    }
    print(&out)
}

/// Looks at the fleet twice, and asks services without records meanwhile.
async fn look(
    redis: &Redis,
    arguments: &ServicesArguments,
) -> Result<(Vec<Line>, Vec<String>), Failure> {
    let begun = Instant::now();
    let fleet = redis.fleet(&arguments.service).await?;
    let asked = match arguments.no_status {
        true => Asked::default(),
        false => ask(redis, &fleet).await?,
    };
    let interval = arguments.interval.get();
    let later = match interval.is_zero() {
        true => None,
        false => {
            tokio::time::sleep(interval.saturating_sub(begun.elapsed())).await;
            let took = begun.elapsed();
            Some((took, depths(redis, &fleet).await?))
        }
    };
    let lines = fleet.services.iter().map(|(name, service)| {
        let answer = asked.answers.get(name);
        let mut line = line(name, service);
        if let Some(answer) = answer {
            line.state = match answer {
                Some(version) => {
                    line.versions.extend(version.clone());
                    State::Answers
                }
                None => State::Silent,
            };
        }
        if let Some((took, later)) = &later
            && let Some(after) = later.get(name)
            && let Some(out) = line.rate_out.or((after.depth != line.depth).then_some(0.0))
        {
            line.rate_in = Some(arrivals(line.depth, after.depth, *took, out));
        }
        line
    });
    let lines = lines.collect();
    let mut notes = fleet.notes;
    if let Some(problem) = asked.problem {
        notes.push(format!(
            "services whose workers tell no records could not be asked for their status: {problem}"
        ));
    }
    Ok((lines, notes))
}

/// The rate of arrivals: what was done, and what the queue has grown by.
#[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
fn arrivals(before: u64, after: u64, took: Duration, out: f64) -> f64 {
    let growth = (after as f64 - before as f64) / took.as_secs_f64().max(0.001);
    (out + growth).max(0.0)
}

async fn depths(redis: &Redis, fleet: &Fleet) -> Result<BTreeMap<String, Queue>, Failure> {
    let masters = redis.masters().await?;
    let masters = &masters;
    let asked = fleet.services.keys().map(|name| async move {
        let queue = redis.queue(masters, name).await;
        queue.map(|queue| (name.clone(), queue))
    });
    let asked: Vec<_> = futures_util::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    asked.into_iter().collect()
}

/// The answers of services without records to `status`.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The versions that a service runs, or `None` if nobody answered. A service that could not be asked is absent.
    pub(crate) answers: BTreeMap<String, Option<Vec<String>>>,
    /// The reason why services could not be asked.
    pub(crate) problem: Option<String>,
}

/// Asks services without records for their status.
pub(crate) async fn ask(redis: &Redis, fleet: &Fleet) -> Result<Asked, Failure> {
    let services = fleet.services.iter();
    let untold = services.filter(|(_, service)| service.workers.is_empty());
    let names: Vec<String> = untold.map(|(name, _)| name.clone()).collect();
    let client = &redis.client(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let questions = names.into_iter().map(|name| async move {
        let body = value!({ "verbose": false });
        let call = client.call_action(name.clone(), "status", &body);
        (name, call.timeout(STATUS_TIMEOUT).await)
    });
    let mut questions = futures_util::stream::iter(questions).buffer_unordered(AT_ONCE);
    let mut asked = Asked::default();
    while let Some((name, answer)) = questions.next().await {
        let told = match answer {
            Ok(status) => Some(versions(&status)),
            // An error is an answer, too.
            Err(error) if !error.errors().is_empty() => Some(Vec::new()),
            Err(error) if error.kind() == ErrorKind::Timeout => None,
            Err(error) => {
                asked.problem = Some(error.to_string());
                continue;
            }
        };
        asked.answers.insert(name, told);
    }
    if asked.answers.values().any(Option::is_none) {
        redis.settled().await;
    }
    Ok(asked)
}

/// The version in an answer of `status`, with the framework if that is another one.
pub(crate) fn versions(status: &Value) -> Vec<String> {
    let text = |key: &str| status.get(key).and_then(Value::as_str);
    let is_python = text("python").is_some_and(|python| !python.starts_with("rust "));
    let version = text("version").map(|version| match (is_python, text("pysoa")) {
        (true, Some(pysoa)) => format!("{version} (PySOA {pysoa})"),
        _ => version.to_owned(),
    });
    version.into_iter().collect()
}

/// Sums up what records and queue tell about a service.
pub(crate) fn line(name: &str, service: &Service) -> Line {
    let mut line = Line {
        name: name.to_owned(),
        depth: service.queue.depth,
        oldest: service.queue.oldest,
        workers: service.workers.len(),
        is_paused: service.is_paused,
        ..Line::default()
    };
    if service.workers.is_empty() {
        return line;
    }
    line.state = State::Recorded;
    let mut times = Sketch::default();
    let (mut out, mut errors) = (0.0, 0.0);
    for worker in &service.workers {
        let record = &worker.record;
        let lately = record.lately();
        let seconds = record.lately_seconds.max(1.0);
        out += count(lately.count()) / seconds;
        let failed = record.actions.values().map(|action| action.lately_errors);
        errors += count(failed.fold(0, u64::saturating_add)) / seconds;
        times.merge(&lately);
        line.versions.insert(record.version.clone());
    }
    line.rate_out = Some(out);
    line.errors = Some(errors);
    (line.p50, line.p99) = (times.quantile(0.5), times.quantile(0.99));
    line
}

#[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
pub(crate) fn count(count: u64) -> f64 {
    count as f64
}

/// The number of jobs in flight of all workers. It has no overflow: whoever may write a record may write any number.
pub(crate) fn running(workers: &[Worker]) -> usize {
    let running = workers.iter().map(|worker| worker.record.running);
    running.fold(0, usize::saturating_add)
}

fn table(output: Output, lines: &[Line]) -> String {
    let headings = [
        "SERVICE", ">DEPTH", ">OLDEST", ">WORKERS", ">IN", ">OUT", ">ERRORS", ">P50", ">P99",
        "VERSIONS", "STATE",
    ];
    let optional = |value: Option<f64>, show: fn(f64) -> String| match value {
        Some(value) => Cell::from(show(value)),
        None => Cell::unknown(),
    };
    let rows: Vec<Vec<Cell>> = lines
        .iter()
        .map(|line| {
            let depth_tone = match line.depth {
                0 => Tone::Dim,
                1..LONG => Tone::Plain,
                _ => Tone::Warning,
            };
            let state = match (line.is_paused, line.state) {
                (true, _) => Cell::new("paused", Tone::Warning),
                (_, State::Recorded) => Cell::new("up", Tone::Good),
                (_, State::Answers) => Cell::new("up", Tone::Good),
                (_, State::Silent) => Cell::new("silent", Tone::Bad),
                (_, State::Unknown) => Cell::new("unknown", Tone::Dim),
            };
            let mut versions: Vec<&str> = line.versions.iter().map(String::as_str).collect();
            if versions.is_empty() {
                versions.push("-");
            }
            let versions_tone = match versions.len() {
                1 => Tone::Plain,
                _ => Tone::Warning,
            };
            let errors = match line.errors {
                Some(errors) if errors > 0.0 => Cell::new(rate(errors), Tone::Bad),
                other => optional(other, rate),
            };
            vec![
                Cell::new(line.name.as_str(), Tone::Strong),
                Cell::new(line.depth.to_string(), depth_tone),
                line.oldest
                    .map_or_else(Cell::unknown, |oldest| Cell::from(time(oldest))),
                match line.workers {
                    0 => Cell::unknown(),
                    workers => Cell::from(workers.to_string()),
                },
                optional(line.rate_in, rate),
                optional(line.rate_out, rate),
                errors,
                optional(line.p50, latency),
                optional(line.p99, latency),
                Cell::new(versions.join(", "), versions_tone),
                state,
            ]
        })
        .collect();
    output.table(&headings, &rows)
}

fn as_json(line: &Line) -> Json {
    let millis = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1_000.0);
    json!({
        "name": line.name,
        "depth": line.depth,
        "oldest_seconds": line.oldest.map(|oldest| oldest.as_secs_f64()),
        "workers": line.workers,
        "is_paused": line.is_paused,
        "rate_in": line.rate_in,
        "rate_out": line.rate_out,
        "rate_errors": line.errors,
        "p50_ms": millis(line.p50),
        "p99_ms": millis(line.p99),
        "versions": line.versions,
        "state": line.state.word(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_what_was_done_and_what_was_added() {
        let second = Duration::from_secs(1);
        assert!((arrivals(10, 15, second, 20.0) - 25.0).abs() < 1e-9);
        assert!((arrivals(30, 10, second, 5.0)).abs() < 1e-9);
    }

    #[test]
    fn a_worker_of_pysoa_is_named_as_one() {
        let status = value!({ "version": "1.2", "pysoa": "1.4.9", "python": "3.11.2" });
        assert_eq!(versions(&status), ["1.2 (PySOA 1.4.9)"]);
        let status = value!({ "version": "1.2", "pysoa": "1.4.9", "python": "rust 1.95.0" });
        assert_eq!(versions(&status), ["1.2"]);
    }
}
