//! The report of a run, as text and as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use soa::codec::json as codec;

use crate::measure::{Outcome, Pace};

/// The quantiles in a report, with their labels.
const REPORTED_QUANTILES: [(f64, &str); 5] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.99, "p99"),
    (0.999, "p99.9"),
    (1.0, "max"),
];

/// Formats a report for people.
pub(crate) fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(outcome, &mut out);
    out
}

fn write_text(outcome: &Outcome, out: &mut String) -> std::fmt::Result {
    let rate = outcome.rate();
    writeln!(
        out,
        "{}: {rate:.0} round trips/s, {:.0} actions/s, {} failures in {:.1} s",
        load(outcome.pace),
        rate * f64::from(outcome.actions),
        outcome.failures,
        outcome.window.as_secs_f64(),
    )?;
    if let Some(problem) = &outcome.problem {
        writeln!(out, "  first failure: {problem}")?;
    }
    write!(out, "  latency   ")?;
    for (quantile, name) in REPORTED_QUANTILES {
        write!(out, " {name} {:.0} µs ", outcome.latency(quantile))?;
    }
    writeln!(out)?;
    let usage = &outcome.usage;
    let per_round_trip = per_round_trip(outcome);
    let mut process = |name: &str, time: Duration, more: String| {
        let share = time.as_secs_f64() / outcome.window.as_secs_f64() * 100.0;
        writeln!(
            out,
            "  {name:<10} {share:>5.1} % CPU, {:.2} µs a round trip{more}",
            per_round_trip(time)
        )
    };
    process("this side", usage.own, String::new())?;
    for (time, memory) in usage.servers.iter().zip(&usage.memory) {
        if let (Some(time), Some(memory)) = (time, memory) {
            let memory = *memory as f64 / 1024.0;
            process("server", *time, format!(", {memory:.1} MiB resident"))?;
        }
    }
    if let Ok(redis) = &usage.redis {
        process("Redis", redis.time, String::new())?;
    }
    let ended = usage.servers.iter().filter(|time| time.is_none()).count();
    if ended > 0 {
        writeln!(out, "  server     {ended} ended during the run")?;
    }
    let redis = match &usage.redis {
        Ok(redis) => redis,
        Err(reason) => return writeln!(out, "  Redis      not measured: {reason}"),
    };
    write!(out, "  commands  ")?;
    for (name, calls) in &redis.commands {
        let calls = *calls as f64 / outcome.latencies.len().max(1) as f64;
        write!(out, " {name} {calls:.4}")?;
    }
    writeln!(out, " a round trip")
}

/// Returns a function that divides a time by the number of round trips, in microseconds.
pub(crate) fn per_round_trip(outcome: &Outcome) -> impl Fn(Duration) -> f64 + use<> {
    let count = outcome.latencies.len().max(1) as f64;
    move |time| time.as_secs_f64() * 1e6 / count
}

/// Names a pace.
pub(crate) fn load(pace: Pace) -> String {
    match pace {
        Pace::Closed(1) => "1 caller".to_owned(),
        Pace::Closed(callers) => format!("{callers} callers"),
        Pace::Open(rate) => format!("{rate} calls/s"),
    }
}

/// The report for programs: one object.
#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    callers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    seconds: f64,
    actions_per_job: u32,
    round_trips: u64,
    failures: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_failure: Option<String>,
    round_trips_per_second: f64,
    actions_per_second: f64,
    latency_microseconds: BTreeMap<&'static str, f64>,
    cpu_seconds: f64,
    /// Null for a server that has ended.
    server_cpu_seconds: Vec<Option<f64>>,
    server_resident_kib: Vec<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis_cpu_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis_not_measured: Option<String>,
    redis_commands: BTreeMap<String, u64>,
}

/// Formats a report for programs.
pub(crate) fn json(outcome: &Outcome) -> Result<String, Box<dyn Error>> {
    let (callers, rate) = match outcome.pace {
        Pace::Closed(callers) => (Some(callers), None),
        Pace::Open(rate) => (None, Some(rate)),
    };
    let usage = &outcome.usage;
    let redis = usage.redis.as_ref().ok();
    let latencies = REPORTED_QUANTILES.map(|(quantile, name)| (name, outcome.latency(quantile)));
    let report = Report {
        callers,
        rate,
        seconds: outcome.window.as_secs_f64(),
        actions_per_job: outcome.actions,
        round_trips: outcome.latencies.len(),
        failures: outcome.failures,
        first_failure: outcome.problem.clone(),
        round_trips_per_second: outcome.rate(),
        actions_per_second: outcome.rate() * f64::from(outcome.actions),
        latency_microseconds: latencies.into(),
        cpu_seconds: usage.own.as_secs_f64(),
        server_cpu_seconds: {
            let servers = usage.servers.iter();
            servers.map(|time| Some((*time)?.as_secs_f64())).collect()
        },
        server_resident_kib: usage.memory.clone(),
        redis_cpu_seconds: redis.map(|redis| redis.time.as_secs_f64()),
        redis_not_measured: usage.redis.as_ref().err().cloned(),
        redis_commands: redis
            .map(|redis| redis.commands.clone())
            .unwrap_or_default(),
    };
    Ok(String::from_utf8(codec::to_vec(&report)?)?)
}
