//! `load see`: the cost of log, metrics and traces, switched on in client and server.
//!
//! A process has one log, one recorder and one exporter for its whole life. So each turn is another process of this
//! program, with a server of its own. The turns alternate, and the best turn of each kind counts.

use std::error::Error;
use std::process::{Command, Stdio};

use soa::Value;
use soa::codec::json;

use crate::arguments::SeeCost;
use crate::output;
use crate::process::Redis;

/// The kinds of turns: their names and the values of `--see`.
const KINDS: [(&str, &str); 5] = [
    ("nothing", ""),
    ("logging", "logging"),
    ("metrics", "metrics"),
    ("tracing", "tracing"),
    ("all", "logging,metrics,tracing"),
];

/// Measures with everything off and with each kind switched on, and prints a table.
pub(crate) fn measure_cost(arguments: &SeeCost) -> Result<(), Box<dyn Error>> {
    let redis = Redis::start()?;
    let address = redis.address()?;
    let sample = arguments.sample.to_string();
    let duration = arguments.duration.as_secs_f64().to_string();
    let mut kinds = KINDS.to_vec();
    if arguments.only_all {
        kinds.retain(|(name, _)| ["nothing", "all"].contains(name));
    }
    let mut best = vec![Turn::WORST; kinds.len()];
    for round in 1..=arguments.rounds {
        for ((name, see), best) in kinds.iter().zip(&mut best) {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--redis", &address.text, "--start-server", "--json"]);
            command.args(["--callers", &arguments.callers.to_string()]);
            command.args(["--duration", &duration, "--warm-up", "1"]);
            if !see.is_empty() {
                command.args(["--see", see, "--sample", &sample]);
            }
            let output = command.stderr(Stdio::inherit()).output()?;
            let turn = json::decode_value(&output.stdout).ok();
            let turn = turn.as_ref().and_then(Turn::from_report);
            let turn = turn.ok_or_else(|| format!("a turn with {name} failed"))?;
            output::tell(format_args!(
                "round {round}, {name}: {:.0}, {:.2} µs",
                turn.rate, turn.processor_time
            ));
            best.rate = best.rate.max(turn.rate);
            best.processor_time = best.processor_time.min(turn.processor_time);
        }
    }
    output::report(
        "| switched on | round trips/s | µs of processors | ratio of rates | of processors |",
    )?;
    output::report("|---|---|---|---|---|")?;
    let without = best.first().copied().unwrap_or(Turn::WORST);
    for ((name, _), turn) in kinds.iter().zip(&best) {
        let rates = turn.rate / without.rate;
        let times = without.processor_time / turn.processor_time;
        output::report(&format!(
            "| {name} | {:.0} | {:.2} | {rates:.2} | {times:.2} |",
            turn.rate, turn.processor_time
        ))?;
    }
    Ok(())
}

/// The figures of a turn.
#[derive(Clone, Copy)]
struct Turn {
    /// Round trips a second.
    rate: f64,
    /// Processor time of a round trip in client, server and Redis together, in microseconds. Where other programs use
    /// the processors too, it says more than the rate.
    processor_time: f64,
}

impl Turn {
    /// Worse than any measured turn.
    const WORST: Self = Self {
        rate: 0.0,
        processor_time: f64::INFINITY,
    };

    /// Reads the JSON report of a run.
    fn from_report(report: &Value) -> Option<Self> {
        let number = |key: &str| report.get(key).and_then(Value::as_f64);
        let servers = report.get("server_cpu_seconds")?.as_list()?;
        let servers: f64 = servers.iter().filter_map(Value::as_f64).sum();
        let seconds = number("cpu_seconds")? + servers + number("redis_cpu_seconds")?;
        Some(Self {
            rate: number("round_trips_per_second")?,
            processor_time: seconds / number("round_trips")? * 1e6,
        })
    }
}
