//! The command line. It has so many options that a parser by hand would be longer than the program's other
//! parts, hence clap, which tells what is wrong and prints the help.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use soa::codec::json;
use soa::{BuildError, RedisSettings, Value};

use crate::see::Seen;

/// Calls one action over Redis as fast, or as often, as it is told, and prints how that went.
///
/// With --callers, each of so many callers makes its next call when the last one was answered. With --rate, calls
/// are made at fixed times whatever becomes of the earlier ones, and a call's latency counts from the time at
/// which it should have been made.
#[derive(Debug, Parser)]
#[command(name = "load", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// Where Redis is, as it was given, for the processes that are started, and as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) text: String,
    pub(crate) settings: Box<RedisSettings>,
}

impl FromStr for Address {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        Ok(Self {
            text: text.to_owned(),
            settings: Box::new(text.parse()?),
        })
    }
}

/// What there is besides a single run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures this framework, raw sockets, and a PySOA server in turns, and prints the ratios
    Compare(Compare),
    /// Measures what it costs to switch on log, metrics and traces, in turns
    See(SeeCost),
    /// Answers the requests of `--raw`
    #[command(hide = true)]
    RawServer {
        /// Where Redis is
        redis: Address,
    },
}

/// One run, or one for each number of callers or rate.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// Where Redis is: `host:port` or a URL; one is started for the run if this is left out. Where there are several,
    /// the figures of Redis are those of the first
    #[arg(long)]
    pub(crate) redis: Option<Address>,
    /// The service to call
    #[arg(long, default_value = "example")]
    pub(crate) service: String,
    /// The action to call
    #[arg(long, default_value = "square")]
    pub(crate) action: String,
    /// The body of each action, as JSON
    #[arg(long, default_value = r#"{"number": 12}"#, value_parser = body)]
    pub(crate) body: Value,
    /// How many actions each job has
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) actions: u32,
    /// Closed loop: how many callers; several numbers, with commas, for a run each
    #[arg(long, value_delimiter = ',', default_value = "64", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) callers: Vec<u32>,
    /// Open loop: how many calls a second; several numbers, with commas, for a run each
    #[arg(long, value_delimiter = ',', conflicts_with = "callers", value_parser = rate)]
    pub(crate) rate: Vec<f64>,
    /// How long is measured, in seconds
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) duration: Duration,
    /// How long the load lasts before that, in seconds
    #[arg(long, default_value = "2", value_parser = seconds)]
    pub(crate) warm_up: Duration,
    /// Start so many processes of the example service for the run; it must have been built
    #[arg(long, value_name = "PROCESSES", num_args = 0..=1, default_missing_value = "1", default_value_t = 0)]
    pub(crate) start_server: u32,
    /// A server process to watch; may be given several times
    #[arg(long, value_name = "PID", conflicts_with = "start_server")]
    pub(crate) server_pid: Vec<u32>,
    /// Switch these on in this process and in the servers that it starts; without it they are off
    #[arg(long, value_delimiter = ',')]
    pub(crate) see: Vec<Seen>,
    /// With `--see tracing`: which share of the traces is recorded
    #[arg(long, default_value_t = SAMPLE)]
    pub(crate) sample: f64,
    /// Measure plain sockets and frames of the same size in place of the framework, on both sides
    #[arg(long, conflicts_with_all = ["start_server", "server_pid", "service", "action", "body", "actions"])]
    pub(crate) raw: bool,
    /// Give each call a reply list of its own, as for a service whose answers come in pieces
    #[arg(long, conflicts_with = "raw")]
    pub(crate) own_lists: bool,
    /// Print JSON, an object for each run
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw latency over load into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
}

/// A comparison.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// A Python that has PySOA; without it there is no comparison with that
    #[arg(long, value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
    /// How often each contestant has its turn; the best one counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How long each turn is measured, in seconds
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub(crate) duration: Duration,
}

/// A comparison of what is switched on.
#[derive(Args, Debug)]
pub(crate) struct SeeCost {
    /// How often each has its turn; the best one counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How long each turn is measured, in seconds
    #[arg(long, default_value = "3", value_parser = seconds)]
    pub(crate) duration: Duration,
    /// How many callers
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) callers: u32,
    /// Which share of the traces is recorded
    #[arg(long, default_value_t = SAMPLE)]
    pub(crate) sample: f64,
    /// Only nothing and all together
    #[arg(long)]
    pub(crate) only_all: bool,
}

/// The share of traces that settings have where they do not say another.
const SAMPLE: f64 = 0.01;

fn body(text: &str) -> Result<Value, String> {
    let body = json::decode_value(text.as_bytes()).map_err(|error| error.to_string())?;
    match body.as_map() {
        Some(_) => Ok(body),
        None => Err("it must be a JSON object".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=10_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("it must be a number of calls a second, at least 0.01".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("it must be a number of seconds".to_owned()),
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
    fn several_loads_are_given_with_commas() {
        let run = parsed("load --callers 1,64 --start-server").unwrap().run;
        assert_eq!((run.callers, run.start_server), (vec![1, 64], 1));
        let run = parsed("load --rate 100,2e3 --start-server 2").unwrap().run;
        assert_eq!((run.rate, run.start_server), (vec![100.0, 2000.0], 2));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
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
