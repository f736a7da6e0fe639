//! Log, metrics and traces of a run: the settings that switch them on, and a collector that discards what it receives.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use clap::ValueEnum;
use soa::observe::Observing;
use soa::settings::{NoSection, Settings};

/// A kind of telemetry that can be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Telemetry {
    /// A log at the default level, with the fields of each job
    Logging,
    /// All metrics, on a page for Prometheus
    Metrics,
    /// Traces, sent to a collector that discards them
    Tracing,
}

/// Returns the settings that switch these on, for client and server. The log is off unless it is among them.
pub(crate) fn assignments(
    telemetry: &[Telemetry],
    sample: f64,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut out = Vec::new();
    if !telemetry.contains(&Telemetry::Logging) {
        out.push("logging.level=off".to_owned());
    }
    if telemetry.contains(&Telemetry::Metrics) {
        out.push("metrics.listen=127.0.0.1:0".to_owned());
    }
    if telemetry.contains(&Telemetry::Tracing) {
        let port = start_collector()?;
        out.push(format!("tracing.endpoint=http://127.0.0.1:{port}"));
        out.push(format!("tracing.sample={sample}"));
    }
    Ok(out)
}

/// Starts log, metrics and traces in this process.
pub(crate) fn start(assignments: &[String]) -> Result<Observing, Box<dyn Error>> {
    let mut loader = Settings::<NoSection>::loader();
    for assignment in assignments {
        loader = loader.set(assignment);
    }
    Ok(loader.load()?.observe("load", env!("CARGO_PKG_VERSION"))?)
}

/// Starts a collector that discards all traces, and returns its port.
fn start_collector() -> Result<u16, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // An exporter keeps its connection, and each process has one.
            thread::spawn(move || discard_requests(stream));
        }
    });
    Ok(port)
}

/// Answers each request of a connection with an empty 200.
fn discard_requests(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            match reader.read_line(&mut line)? {
                0 => return Ok(()),
                1 | 2 => break,
                _ => {}
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = reader.by_ref().take(length);
        std::io::copy(&mut body, &mut std::io::sink())?;
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}
