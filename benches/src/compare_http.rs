//! `load compare-http`: the example component, a bare handler of axum, and the reference, by the same client in turns.

use std::error::Error;
use std::sync::Arc;

use crate::arguments::CompareHttp;
use crate::http::{Caller, Request};
use crate::measure::Outcome;
use crate::process::{Process, free_port};
use crate::target::Target;
use crate::turns::{Entry, measure_in_turns};
use crate::{output, report};

const BARE: &str = "axum alone";
const SOA: &str = "soa";
const REFERENCE: &str = "Aspyx";

/// The number of callers in the ratios of rates.
const CALLERS: u32 = 32;

/// Requests of the example contract, by their names.
fn works() -> Result<Vec<(&'static str, Request)>, Box<dyn Error>> {
    let json = "content-type: application/json\r\n";
    let post = |headers: &str, body: Vec<u8>| Request {
        method: "POST",
        target: "/invoke".to_owned(),
        headers: headers.to_owned(),
        body,
    };
    let call = soa::value!({ "method": "example-component:example:add", "args": [1, 2] });
    let mut text = Vec::new();
    soa::codec::json::encode_compact(&call, &mut text)?;
    let packed = soa::codec::msgpack::to_vec(&call)?;
    let header = "x-rpc-method: example-component:example:add\r\n";
    // Two fields of an int32: 1 and 2.
    let message = vec![0x08, 1, 0x10, 2];
    // A type of the contract that holds others.
    let nested = concat!(
        r#"{"method":"example-component:example:echo_node","args":[{"label":"a label","at":{"x":1,"y":-2},"#,
        r#""path":[{"x":1,"y":2},{"x":3,"y":4},{"x":5,"y":6}],"#,
        r#""tags":[{"key":"color","value":"red"},{"key":"empty","value":null}]}]}"#,
    );
    Ok(vec![
        ("add, JSON", post(json, text)),
        (
            "add, MessagePack",
            post("content-type: application/msgpack\r\n", packed),
        ),
        (
            "add, protobuf",
            post(
                &format!("content-type: application/x-protobuf\r\n{header}"),
                message,
            ),
        ),
        (
            "sum, REST",
            Request {
                method: "GET",
                target: "/example/sum/1/2".to_owned(),
                headers: String::new(),
                body: Vec::new(),
            },
        ),
        ("echo_node, JSON", post(json, nested.into())),
    ])
}

/// Runs the comparison, and prints a table of figures and one of ratios.
pub(crate) async fn compare(arguments: &CompareHttp) -> Result<(), Box<dyn Error>> {
    let (own, bare) = (free_port()?, free_port()?);
    let mut servers = vec![
        (BARE, Process::bare_server(bare)?, bare),
        (SOA, Process::component_server(own)?, own),
    ];
    if let Some(python) = &arguments.python {
        let port = free_port()?;
        servers.push((REFERENCE, Process::aspyx_server(python, port)?, port));
    }
    let works = works()?;
    let mut entries = Vec::new();
    for callers in [1, CALLERS] {
        for (work, request) in &works {
            for (side, process, port) in &servers {
                // The bare handler has one body.
                if *side == BARE && *work != works[0].0 {
                    continue;
                }
                let target = Target::Http(Caller::new(&format!("127.0.0.1:{port}"), request));
                target.wait_until_ready().await?;
                entries.push(Entry {
                    side,
                    work,
                    callers,
                    target: Arc::new(target),
                    server_pid: process.id(),
                    best: None,
                });
            }
        }
    }
    measure_in_turns(&mut entries, arguments.rounds, arguments.duration, None).await?;
    output::report(&table(&entries))?;
    output::report(&ratios(&entries, works[0].0))?;
    Ok(())
}

fn table(entries: &[Entry]) -> String {
    let mut out = "\
| call | load | | calls/s | p50 µs | p99 µs | µs client | µs server | server MiB |
|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for entry in entries {
        let Some(outcome) = &entry.best else { continue };
        let per_round_trip = report::per_round_trip(outcome);
        let usage = &outcome.usage;
        out.push_str(&format!(
            "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} |\n",
            entry.work,
            report::load(outcome.pace),
            entry.side,
            outcome.rate(),
            outcome.latency(0.5),
            outcome.latency(0.99),
            per_round_trip(usage.own),
            per_round_trip(usage.servers.iter().flatten().sum()),
            usage.memory.iter().flatten().sum::<u64>() as f64 / 1024.0,
        ));
    }
    out
}

fn ratios(entries: &[Entry], work: &str) -> String {
    let best = |side: &str, callers: u32| {
        let mut entries = entries.iter();
        let entry = entries
            .find(|entry| entry.side == side && entry.callers == callers && entry.work == work);
        entry.and_then(|entry| entry.best.as_ref())
    };
    let mut out = "| ratio | measured | goal |\n|---|---|---|\n".to_owned();
    let mut row = |what: &str, ours: Option<f64>, theirs: Option<f64>, goal: &str| {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            let ratio = ours / theirs;
            out.push_str(&format!("| {what} | {ratio:.2} | {goal} |\n"));
        }
    };
    let rate = |side| best(side, CALLERS).map(Outcome::rate);
    let p50 = |side| best(side, 1).map(|outcome| outcome.latency(0.5));
    row(
        "calls/s at 32 callers, to axum alone",
        rate(SOA),
        rate(BARE),
        "≥ 0.8",
    );
    row(
        "p50 of 1 caller, to axum alone",
        p50(SOA),
        p50(BARE),
        "≤ 1.2",
    );
    row(
        "calls/s at 32 callers, to Aspyx",
        rate(SOA),
        rate(REFERENCE),
        "≥ 15",
    );
    out
}
