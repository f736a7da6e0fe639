//! `load compare`: raw sockets, this framework and PySOA, measured in turns, and their ratios.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use soa::value;

use crate::arguments::Compare;
use crate::measure::Outcome;
use crate::process::{Process, Redis};
use crate::target::{Target, Work};
use crate::turns::{Entry, measure_in_turns};
use crate::{output, report};

const RAW: &str = "raw sockets";
const SOA: &str = "soa";
const REFERENCE: &str = "PySOA";
const HELD: &str = "held";
const UNHELD: &str = "at most once";

/// The setting with which requests are forgotten when they are taken, as by the others.
const AT_MOST_ONCE: &str = "server.delivery=at-most-once";

/// Runs the comparison, and prints a table of figures and one of ratios.
pub(crate) async fn compare(arguments: &Compare) -> Result<(), Box<dyn Error>> {
    let redis = Redis::start()?;
    let address = redis.address()?;
    let settings = &address.settings;
    let mut servers = vec![
        Process::raw_server(&address)?,
        Process::example_server(&address, "example", &[AT_MOST_ONCE.to_owned()])?,
    ];
    let service = |service: &str, actions| {
        let work = Work {
            service: service.to_owned(),
            action: "square".to_owned(),
            body: value!({ "number": 12 }),
            actions,
        };
        Target::service(settings, work)
    };
    let raw = Arc::new(Target::raw(settings).await?);
    let mut sides = vec![(RAW, raw), (SOA, Arc::new(service("example", 1)?))];
    let mut many = vec![(SOA, Arc::new(service("example", 10)?))];
    if let Some(python) = &arguments.python {
        servers.push(Process::reference_server(python, &redis, "reference")?);
        sides.push((REFERENCE, Arc::new(service("reference", 1)?)));
        many.push((REFERENCE, Arc::new(service("reference", 10)?)));
    }
    let mut entries = Vec::new();
    for (callers, sides) in [(1, &sides), (64, &sides), (256, &sides), (64, &many)] {
        for (side, target) in sides {
            target.wait_until_ready().await?;
            let server = match *side {
                RAW => servers.first(),
                SOA => servers.get(1),
                _ => servers.get(2),
            };
            entries.push(Entry {
                side,
                work: "",
                callers,
                target: Arc::clone(target),
                server_pid: server.map(Process::id).unwrap_or_default(),
                best: None,
            });
        }
    }
    measure_in_turns(
        &mut entries,
        arguments.rounds,
        arguments.duration,
        Some(settings),
    )
    .await?;
    output::report(&table(&entries))?;
    output::report(&ratios(&entries))?;
    Ok(())
}

/// Compares requests that are held with those that are not, and prints the same tables.
pub(crate) async fn compare_delivery(arguments: &Compare) -> Result<(), Box<dyn Error>> {
    let redis = Redis::start()?;
    let address = redis.address()?;
    let settings = &address.settings;
    let mut servers = Vec::new();
    let mut sides = Vec::new();
    for (side, service, delivery) in [
        (HELD, "held", "server.delivery=at-least-once"),
        (UNHELD, "unheld", AT_MOST_ONCE),
    ] {
        let server = Process::example_server(&address, service, &[delivery.to_owned()])?;
        let work = Work {
            service: service.to_owned(),
            action: "square".to_owned(),
            body: value!({ "number": 12 }),
            actions: 1,
        };
        let target = Arc::new(Target::service(settings, work)?);
        target.wait_until_ready().await?;
        sides.push((side, server.id(), target));
        servers.push(server);
    }
    let mut entries = Vec::new();
    for callers in [1, 64] {
        for (side, server_pid, target) in &sides {
            entries.push(Entry {
                side,
                work: "",
                callers,
                target: Arc::clone(target),
                server_pid: *server_pid,
                best: None,
            });
        }
    }
    let (rounds, duration) = (arguments.rounds, arguments.duration);
    measure_in_turns(&mut entries, rounds, duration, Some(settings)).await?;
    output::report(&table(&entries))?;
    let best = |side: &str, callers: u32| {
        let mut entries = entries.iter();
        let entry = entries.find(|entry| entry.side == side && entry.callers == callers);
        entry.and_then(|entry| entry.best.as_ref())
    };
    let mut out = "| ratio | measured | goal |\n|---|---|---|\n".to_owned();
    let mut row = |what: &str, callers, of: fn(&Outcome) -> f64, goal: &str| {
        if let (Some(held), Some(unheld)) = (best(HELD, callers), best(UNHELD, callers)) {
            let ratio = of(held) / of(unheld);
            out.push_str(&format!(
                "| {what}, held to at most once | {ratio:.2} | {goal} |\n"
            ));
        }
    };
    row("round trips/s at 64 callers", 64, Outcome::rate, "≥ 0.80");
    row(
        "p50 of 1 caller",
        1,
        |outcome| outcome.latency(0.5),
        "≤ 1.10",
    );
    let of_redis = |outcome: &Outcome| {
        let redis = outcome.usage.redis.as_ref();
        report::per_round_trip(outcome)(redis.map_or(Duration::ZERO, |redis| redis.time))
    };
    row("time of Redis a job at 64 callers", 64, of_redis, "≤ 1.40");
    output::report(&out)?;
    drop(servers);
    Ok(())
}

fn table(entries: &[Entry]) -> String {
    let mut out = "\
| load | | round trips/s | actions/s | p50 µs | p99 µs | µs client | µs server | µs Redis | server MiB |
|---|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for entry in entries {
        let Some(outcome) = &entry.best else { continue };
        let load = match outcome.actions {
            1 => report::load(outcome.pace),
            actions => format!("{}, {actions} actions a job", report::load(outcome.pace)),
        };
        let per_round_trip = report::per_round_trip(outcome);
        let usage = &outcome.usage;
        let row = format!(
            "| {load} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} |\n",
            entry.side,
            outcome.rate(),
            outcome.rate() * f64::from(outcome.actions),
            outcome.latency(0.5),
            outcome.latency(0.99),
            per_round_trip(usage.own),
            per_round_trip(usage.servers.iter().flatten().sum()),
            per_round_trip(
                usage
                    .redis
                    .as_ref()
                    .map_or(Duration::ZERO, |redis| redis.time)
            ),
            usage.memory.iter().flatten().sum::<u64>() as f64 / 1024.0,
        );
        out.push_str(&row);
    }
    out
}

fn ratios(entries: &[Entry]) -> String {
    let best = |side: &str, callers: u32, actions: u32| {
        let mut entries = entries.iter();
        let entry = entries.find(|entry| {
            entry.side == side && entry.callers == callers && entry.target.actions() == actions
        });
        entry.and_then(|entry| entry.best.as_ref())
    };
    let mut out = "| ratio | measured | goal |\n|---|---|---|\n".to_owned();
    let mut row = |what: &str, ours: Option<f64>, theirs: Option<f64>, goal: &str| {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            let ratio = ours / theirs;
            out.push_str(&format!("| {what} | {ratio:.2} | {goal} |\n"));
        }
    };
    let rate = |side, callers, actions| best(side, callers, actions).map(Outcome::rate);
    let p50 = |side| best(side, 1, 1).map(|outcome| outcome.latency(0.5));
    row(
        "round trips/s at 64 callers, to raw sockets",
        rate(SOA, 64, 1),
        rate(RAW, 64, 1),
        "≥ 0.55",
    );
    row(
        "p50 of 1 caller, to raw sockets",
        p50(SOA),
        p50(RAW),
        "≤ 1.3",
    );
    row(
        "round trips/s at 64 callers, to PySOA",
        rate(SOA, 64, 1),
        rate(REFERENCE, 64, 1),
        "≥ 45",
    );
    row(
        "actions/s, ten a job, to PySOA",
        rate(SOA, 64, 10),
        rate(REFERENCE, 64, 10),
        "≥ 25",
    );
    out
}
