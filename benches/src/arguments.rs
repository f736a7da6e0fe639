//! The command line, parsed by clap: with this many options, errors and help written by hand would be longer than the
//! rest of the program.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use soa::Value;
use soa::codec::json;
use soa::settings::{BadPeriod, Period};

use crate::process::Address;
use crate::telemetry::Telemetry;

/// Calls one action over Redis, and prints rates, latencies and processor times.
///
/// With --callers (a closed loop), each caller makes its next call when it has the response to the last one. With --rate
/// (an open loop), calls are made at fixed times, even if earlier calls have no response yet, and the latency of a call
/// is measured from the time at which it was due.
#[derive(Debug, Parser)]
#[command(name = "load", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// The commands besides a plain run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures this framework, raw sockets and a PySOA server in turns, and prints the ratios
    Compare(Compare),
    /// Measures the example component over HTTP, a bare handler of axum and an Aspyx server in turns, and prints the ratios
    CompareHttp(CompareHttp),
    /// Measure typed calls over HTTP beside the same requests by the client of HTTP alone, in turns
    CompareChannels(CompareChannels),
    /// Serves a bare handler of axum
    #[command(hide = true)]
    BareServer {
        /// The port
        port: u16,
    },
    /// Measures the cost of log, metrics and traces, in turns
    See(SeeCost),
    /// Runs the server side of `--raw`
    #[command(hide = true)]
    RawServer {
        /// The address of Redis
        redis: Address,
    },
}

/// One run, or one for each number of callers or rate.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// The address of Redis: `host:port` or a URL, as for the services. Without it, a Redis is started for the run. The
    /// figures of Redis are those of the first host; they are left out with TLS, sentinels and clusters
    #[arg(long)]
    pub(crate) redis: Option<Address>,
    /// Call over HTTP: a URL, to which the body is sent by POST. The figures of Redis are left out
    #[arg(long, value_name = "URL", conflicts_with_all = ["redis", "raw", "own_lists", "actions", "start_server"])]
    pub(crate) http: Option<String>,
    /// The service to call
    #[arg(long, default_value = "example")]
    pub(crate) service: String,
    /// The action to call
    #[arg(long, default_value = "square")]
    pub(crate) action: String,
    /// The body of each action, as JSON
    #[arg(long, default_value = r#"{"number": 12}"#, value_parser = body)]
    pub(crate) body: Value,
    /// The number of actions in each job
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) actions: u32,
    /// Closed loop: the number of callers; several numbers, separated by commas, for a run each
    #[arg(long, value_delimiter = ',', default_value = "64", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) callers: Vec<u32>,
    /// Open loop: the number of calls a second; several numbers, separated by commas, for a run each
    #[arg(long, value_delimiter = ',', conflicts_with = "callers", value_parser = rate)]
    pub(crate) rate: Vec<f64>,
    /// The length of the measured window; a plain number is in seconds
    #[arg(long, default_value = "10", value_parser = time)]
    pub(crate) duration: Duration,
    /// The length of the warm-up before the window; a plain number is in seconds
    #[arg(long, default_value = "2", value_parser = time)]
    pub(crate) warm_up: Duration,
    /// Start this many processes of the example service for the run; it must have been built
    #[arg(long, value_name = "PROCESSES", num_args = 0..=1, default_missing_value = "1", default_value_t = 0)]
    pub(crate) start_server: u32,
    /// The id of a server process to watch; can be repeated
    #[arg(long, value_name = "PID", conflicts_with = "start_server")]
    pub(crate) server_pid: Vec<u32>,
    /// Switch these on in this process and in the servers that it starts; they are off by default
    #[arg(long, value_delimiter = ',')]
    pub(crate) see: Vec<Telemetry>,
    /// With `--see tracing`: the share of traces that is recorded, from 0 to 1
    #[arg(long, default_value_t = DEFAULT_SAMPLE)]
    pub(crate) sample: f64,
    /// Measure plain sockets and frames of the same sizes instead of the framework, in client and server
    #[arg(long, conflicts_with_all = ["start_server", "server_pid", "service", "action", "body", "actions"])]
    pub(crate) raw: bool,
    /// Give each call its own reply list, as for a service that sends chunked responses
    #[arg(long, conflicts_with = "raw")]
    pub(crate) own_lists: bool,
    /// Print JSON: one object for each run
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a chart of latency over load to this SVG file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
}

/// The arguments of `load compare`.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// A Python that has PySOA installed; without it PySOA is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
    /// The number of turns for each server; the best one counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The length of the measured window of each turn; a plain number is in seconds
    #[arg(long, default_value = "5", value_parser = time)]
    pub(crate) duration: Duration,
    /// Compare requests that are held until they are answered with those that are forgotten when they are taken
    #[arg(long)]
    pub(crate) delivery: bool,
}

/// The arguments of `load compare-http`.
#[derive(Args, Debug)]
pub(crate) struct CompareHttp {
    /// A Python that has aspyx-service installed; without it Aspyx is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
    /// The number of turns for each server; the best one counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The length of the measured window of each turn; a plain number is in seconds
    #[arg(long, default_value = "5", value_parser = time)]
    pub(crate) duration: Duration,
}

/// The arguments of `load compare-channels`.
#[derive(Args, Debug)]
pub(crate) struct CompareChannels {
    /// The number of turns for each side; the best one counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The length of the measured window of each turn; a plain number is in seconds
    #[arg(long, default_value = "3", value_parser = time)]
    pub(crate) duration: Duration,
}

/// The arguments of `load see`.
#[derive(Args, Debug)]
pub(crate) struct SeeCost {
    /// The number of turns for each kind; the best one counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The length of the measured window of each turn; a plain number is in seconds
    #[arg(long, default_value = "3", value_parser = time)]
    pub(crate) duration: Duration,
    /// The number of callers
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) callers: u32,
    /// The share of traces that is recorded, from 0 to 1
    #[arg(long, default_value_t = DEFAULT_SAMPLE)]
    pub(crate) sample: f64,
    /// Measure only without anything and with everything
    #[arg(long)]
    pub(crate) only_all: bool,
}

/// The default of the setting `tracing.sample`.
const DEFAULT_SAMPLE: f64 = 0.01;

fn body(text: &str) -> Result<Value, String> {
    let body = json::decode_value(text.as_bytes()).map_err(|error| error.to_string())?;
    match body.as_map() {
        Some(_) => Ok(body),
        None => Err("expected a JSON object".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=10_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number of calls a second, at least 0.01".to_owned()),
    }
}

/// The longest time that a window or a warm-up may take.
const MAX_TIME: Duration = Duration::from_secs(1_000_000);

/// Reads a time in the form of the settings, in which a plain number is a number of seconds.
fn time(text: &str) -> Result<Duration, String> {
    let period: Period = text.parse().map_err(|error: BadPeriod| error.to_string())?;
    match period.get() {
        time if time <= MAX_TIME => Ok(time),
        _ => Err(format!("expected at most {}", Period::new(MAX_TIME))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn a_run_has_a_default_for_everything() {
        let run = parsed("load").unwrap().run;
        assert_eq!((run.callers, run.rate.len()), (vec![64], 0));
        assert_eq!((&*run.service, run.actions), ("example", 1));
        assert_eq!(run.start_server, 0);
    }

    #[test]
    fn several_loads_are_separated_by_commas() {
        let run = parsed("load --callers 1,64 --start-server").unwrap().run;
        assert_eq!((run.callers, run.start_server), (vec![1, 64], 1));
        let run = parsed("load --rate 100,2e3 --start-server 2").unwrap().run;
        assert_eq!((run.rate, run.start_server), (vec![100.0, 2000.0], 2));
    }

    #[test]
    fn times_are_written_as_in_settings_and_plain_numbers_are_seconds() {
        for (text, milliseconds) in [
            ("14", 14_000),
            ("0.5", 500),
            ("14s", 14_000),
            ("250ms", 250),
            ("1m30s", 90_000),
        ] {
            let line = format!("load --duration {text} --warm-up {text}");
            let run = parsed(&line).unwrap().run;
            let expected = Duration::from_millis(milliseconds);
            assert_eq!((run.duration, run.warm_up), (expected, expected), "{text}");
        }
        let error = parsed("load --duration soon").unwrap_err().to_string();
        assert!(error.contains("expected a time such as"), "{error}");
        assert!(parsed("load --duration 1000d").is_err());
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for line in [
            "load --callers 0",
            "load --rate 0",
            "load --rate 5 --callers 5",
            "load --body 7",
            "load --duration soon",
            "load --raw --action echo",
            "load --redis http://host",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
