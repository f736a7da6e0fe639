//! What it costs to see what happens: log, metrics and traces, switched on in client and server.
//!
//! A process has one log, one recorder and one exporter, for as long as it lives. So each turn is a run of this program of
//! its own, with a server of its own; the turns alternate, and the best of each kind count.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use clap::ValueEnum;
use soa::codec::json;
use soa::observe::Observing;
use soa::settings::{NoSection, Settings};

use crate::arguments::SeeCost;
use crate::processes::Redis;

/// Something to be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Seen {
    /// A log at its usual level, whose records belong to jobs
    Logging,
    /// All metrics, on a page for Prometheus
    Metrics,
    /// Traces, sent to a collector that throws them away
    Tracing,
}

/// The settings that switch these on, for either side, and the log off where it is not among them.
pub(crate) fn assignments(seen: &[Seen], sample: f64) -> Result<Vec<String>, Box<dyn Error>> {
    let mut out = Vec::new();
    if !seen.contains(&Seen::Logging) {
        out.push("logging.level=off".to_owned());
    }
    if seen.contains(&Seen::Metrics) {
        out.push("metrics.listen=127.0.0.1:0".to_owned());
    }
    if seen.contains(&Seen::Tracing) {
        let port = throw_away()?;
        out.push(format!("tracing.endpoint=http://127.0.0.1:{port}"));
        out.push(format!("tracing.sample={sample}"));
    }
    Ok(out)
}

/// Switches them on in this process.
pub(crate) fn observe(assignments: &[String]) -> Result<Observing, Box<dyn Error>> {
    let mut loader = Settings::<NoSection>::loader();
    for assignment in assignments {
        loader = loader.set(assignment);
    }
    Ok(loader.load()?.observe("load", env!("CARGO_PKG_VERSION"))?)
}

/// A collector that takes everything; its port.
fn throw_away() -> Result<u16, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever breaks off has not been harmed.
            let _ = take(stream);
        }
    });
    Ok(port)
}

fn take(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut stream = reader.by_ref().take(length);
    std::io::copy(&mut stream, &mut std::io::sink())?;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

/// Measures with everything off, and with each of these on.
pub(crate) fn cost(arguments: &SeeCost) -> Result<(), Box<dyn Error>> {
    let redis = Redis::start()?;
    let address = redis.address()?;
    let sample = arguments.sample.to_string();
    let duration = arguments.duration.as_secs_f64().to_string();
    let mut kinds = vec![
        ("nothing", ""),
        ("logging", "logging"),
        ("metrics", "metrics"),
        ("tracing", "tracing"),
        ("all", "logging,metrics,tracing"),
    ];
    if arguments.only_all {
        kinds.retain(|(name, _)| ["nothing", "all"].contains(name));
    }
    let mut best = vec![Turn::default(); kinds.len()];
    for round in 1..=arguments.rounds {
        for ((name, seen), best) in kinds.iter().zip(&mut best) {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--redis", &address.text, "--start-server", "--json"]);
            command.args(["--callers", &arguments.callers.to_string()]);
            command.args(["--duration", &duration, "--warm-up", "1"]);
            if !seen.is_empty() {
                command.args(["--see", seen, "--sample", &sample]);
            }
            let output = command.stderr(Stdio::inherit()).output()?;
            let turn = json::decode_value(&output.stdout).ok();
            let turn = turn.as_ref().and_then(Turn::read);
            let turn = turn.ok_or_else(|| format!("a turn with {name} failed"))?;
            eprintln!(
                "round {round}, {name}: {:.0}, {:.2} µs",
                turn.rate, turn.time
            );
            best.rate = best.rate.max(turn.rate);
            best.time = best.time.min(turn.time);
        }
    }
    println!("| switched on | round trips/s | µs of processors | ratio of rates | of processors |");
    println!("|---|---|---|---|---|");
    let without = best.first().cloned().unwrap_or_default();
    for ((name, _), Turn { rate, time }) in kinds.iter().zip(&best) {
        let (rates, times) = (rate / without.rate, without.time / time);
        println!("| {name} | {rate:.0} | {time:.2} | {rates:.2} | {times:.2} |");
    }
    Ok(())
}

/// What is read of a run's JSON.
#[derive(Clone)]
struct Turn {
    /// Round trips a second.
    rate: f64,
    /// Processor time of one, of client, server and Redis together, in microseconds. Where all of them share the
    /// processors with others, it tells more than the rate.
    time: f64,
}

impl Default for Turn {
    /// Worse than any.
    fn default() -> Self {
        Self {
            rate: 0.0,
            time: f64::INFINITY,
        }
    }
}

impl Turn {
    fn read(run: &soa::Value) -> Option<Self> {
        let number = |key: &str| run.get(key).and_then(soa::Value::as_f64);
        let servers = run.get("server_cpu_seconds")?.as_list()?;
        let servers: f64 = servers.iter().filter_map(soa::Value::as_f64).sum();
        let seconds = number("cpu_seconds")? + servers + number("redis_cpu_seconds")?;
        Some(Self {
            rate: number("round_trips_per_second")?,
            time: seconds / number("round_trips")? * 1e6,
        })
    }
}
