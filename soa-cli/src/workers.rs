//! `soa workers`: the processes that tell about themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use soa_runtime::observe::record::{FlightRecord, Sketch};

use crate::arguments::WorkersArguments;
use crate::connect::Target;
use crate::failure::Failure;
use crate::fleet::Worker;
use crate::output::{Cell, Output, Tone, harmless, latency, print, rate, time};
use crate::progress::while_running;
use crate::services::count;

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: WorkersArguments,
) -> Result<(), Failure> {
    let redis = target.connect("workers").await?;
    let fleet = while_running("looking at the fleet", redis.workers_of(&arguments.service)).await?;
    let services = fleet.services.values();
    let workers: Vec<&Worker> = services.flat_map(|service| &service.workers).collect();
    let mut notes = fleet.notes;
    let untold = fleet.services.iter();
    let untold = untold.filter(|(_, service)| service.workers.is_empty());
    let untold: Vec<&str> = untold.map(|(name, _)| name.as_str()).collect();
    if !untold.is_empty() {
        notes.push(format!(
            "no worker of {} tells a record: none runs, or they are of PySOA, or `server.records` is false; `soa status NAME` \
             asks one",
            soa_program::settings::listed(untold.iter().copied().take(10), "and")
        ));
    } else if workers.is_empty() {
        notes.push(format!(
            "no worker tells a record in Redis at {}: workers of PySOA do not, nor do those with `server.records = false`",
            redis.address()
        ));
    }
    if output.as_json {
        return output.json(&json!({
            "redis": redis.address(),
            "workers": workers.iter().map(|worker| as_json(worker)).collect::<Vec<_>>(),
            "notes": notes,
        }));
    }
    let mut out = String::new();
    if !workers.is_empty() {
        out += &table(output, &workers);
    }
    if arguments.jobs {
        out += &jobs(output, &workers);
    }
    for note in &notes {
        out += &format!("{}\n", output.dim(note));
    }
    print(&out)
}

/// The time since a worker has started.
fn uptime(worker: &Worker) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.unwrap_or_default().as_secs_f64() - worker.record.started;
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

/// The numbers of a worker lately: calls a second, errors a second, and their times.
fn lately(worker: &Worker) -> (f64, f64, Sketch) {
    let record = &worker.record;
    let seconds = record.lately_seconds.max(1.0);
    let times = record.lately();
    let errors = record.actions.values().map(|action| action.lately_errors);
    (
        count(times.count()) / seconds,
        count(errors.fold(0, u64::saturating_add)) / seconds,
        times,
    )
}

fn table(output: Output, workers: &[&Worker]) -> String {
    let headings = [
        "SERVICE",
        "HOST",
        ">PID",
        "VERSION",
        ">UP",
        ">IN FLIGHT",
        ">CALLS",
        ">RATE",
        ">ERRORS",
        ">P50",
        ">P99",
        "STATE",
    ];
    let rows: Vec<Vec<Cell>> = workers
        .iter()
        .map(|worker| {
            let record = &worker.record;
            let (calls, errors, times) = lately(worker);
            let quantile = |part| match times.quantile(part) {
                Some(seconds) => Cell::from(latency(seconds)),
                None => Cell::unknown(),
            };
            let version = match &record.build {
                Some(build) => format!("{} ({build})", record.version),
                None => record.version.clone(),
            };
            let is_full = record.running >= record.concurrency;
            let flight_tone = if is_full { Tone::Warning } else { Tone::Plain };
            let errors_tone = if errors > 0.0 { Tone::Bad } else { Tone::Plain };
            vec![
                Cell::new(record.service.as_str(), Tone::Strong),
                Cell::from(record.host.as_str()),
                Cell::from(record.pid.to_string()),
                Cell::from(version),
                Cell::from(time(uptime(worker))),
                Cell::new(
                    format!("{}/{}", record.running, record.concurrency),
                    flight_tone,
                ),
                Cell::from(
                    record
                        .actions
                        .values()
                        .map(|action| action.calls)
                        .sum::<u64>()
                        .to_string(),
                ),
                Cell::from(rate(calls)),
                Cell::new(rate(errors), errors_tone),
                quantile(0.5),
                quantile(0.99),
                match record.is_paused {
                    true => Cell::new("paused", Tone::Warning),
                    false => Cell::new("up", Tone::Good),
                },
            ]
        })
        .collect();
    output.table(&headings, &rows)
}

/// The oldest jobs in flight of each worker.
fn jobs(output: Output, workers: &[&Worker]) -> String {
    let mut out = String::new();
    for worker in workers {
        let record = &worker.record;
        if record.oldest.is_empty() {
            continue;
        }
        let title = format!(
            "{} on {}, process {}",
            record.service, record.host, record.pid
        );
        out += &format!("\n{}\n", output.bold(&harmless(&title)));
        let rows: Vec<Vec<Cell>> = record.oldest.iter().map(job).collect();
        out += &output.table(&["ACTION", "CALLER", ">RUNNING FOR", ">TIME LEFT"], &rows);
    }
    match out.is_empty() {
        true => "no job is in flight\n".to_owned(),
        false => out,
    }
}

fn job(flight: &FlightRecord) -> Vec<Cell> {
    let left = match flight.left {
        None => Cell::unknown(),
        Some(left) if left <= 0 => Cell::new("over", Tone::Bad),
        Some(left) => Cell::from(time(Duration::from_millis(left.unsigned_abs()))),
    };
    vec![
        Cell::from(flight.action.as_str()),
        flight
            .caller
            .as_deref()
            .map_or_else(|| Cell::new("a program", Tone::Dim), Cell::from),
        Cell::from(time(Duration::from_millis(flight.running_for))),
        left,
    ]
}

fn as_json(worker: &Worker) -> Json {
    let record = &worker.record;
    let (calls, errors, times) = lately(worker);
    let millis = |sketch: &Sketch, part| sketch.quantile(part).map(|seconds| seconds * 1_000.0);
    let actions: serde_json::Map<String, Json> = record
        .actions
        .iter()
        .map(|(name, action)| {
            let told = json!({
                "calls": action.calls,
                "errors": action.errors,
                "callers": action.callers,
                "p50_ms": millis(&action.lately, 0.5),
                "p99_ms": millis(&action.lately, 0.99),
            });
            (name.clone(), told)
        })
        .collect();
    json!({
        "service": record.service,
        "id": worker.id,
        "version": record.version,
        "build": record.build,
        "schemas": record.schemas,
        "host": record.host,
        "pid": record.pid,
        "started": record.started,
        "uptime_seconds": uptime(worker).as_secs_f64(),
        "concurrency": record.concurrency,
        "in_flight": record.running,
        "jobs": record.jobs,
        "refused": record.refused,
        "dropped": record.dropped,
        "is_paused": record.is_paused,
        "rate": calls,
        "rate_errors": errors,
        "p50_ms": millis(&times, 0.5),
        "p99_ms": millis(&times, 0.99),
        "actions": actions,
        "called": record.called,
        "oldest": record.oldest,
    })
}
