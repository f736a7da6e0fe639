//! `load compare`: raw sockets, this framework and PySOA, measured in turns, and their ratios.
//!
//! The speed of a machine that other programs use changes over time. So the servers are measured in turns, for several
//! rounds; the best turn of each counts, and the ratios say more than the figures.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soa::value;

use crate::arguments::Compare;
use crate::measure::{Outcome, Pace, Plan, measure};
use crate::process::{Process, Redis};
use crate::target::{Target, Work};
use crate::{output, report};

/// The longest warm-up of a turn.
const MAX_WARM_UP: Duration = Duration::from_secs(1);

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Raw,
    Soa,
    Reference,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raw => "raw sockets",
            Self::Soa => "soa",
            Self::Reference => "PySOA",
        })
    }
}

/// A server under one load, with its best outcome so far.
struct Entry {
    side: Side,
    callers: u32,
    target: Arc<Target>,
    server_pid: u32,
    best: Option<Outcome>,
}

impl Entry {
    /// Keeps the better outcome: the lower latency for one caller, the higher rate for several.
    fn keep_best(&mut self, outcome: Outcome) {
        let is_better = self.best.as_ref().is_none_or(|best| match self.callers {
            1 => outcome.latency(0.5) < best.latency(0.5),
            _ => outcome.rate() > best.rate(),
        });
        if is_better {
            self.best = Some(outcome);
        }
    }
}

/// Runs the comparison, and prints a table of figures and one of ratios.
pub(crate) async fn compare(arguments: &Compare) -> Result<(), Box<dyn Error>> {
    let redis = Redis::start()?;
    let address = redis.address()?;
    let settings = &address.settings;
    let mut servers = vec![
        Process::raw_server(&address)?,
        Process::example_server(&address, "example", &[])?,
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
    let mut sides = vec![
        (Side::Raw, raw),
        (Side::Soa, Arc::new(service("example", 1)?)),
    ];
    let mut many = vec![(Side::Soa, Arc::new(service("example", 10)?))];
    if let Some(python) = &arguments.python {
        servers.push(Process::reference_server(python, &redis, "reference")?);
        sides.push((Side::Reference, Arc::new(service("reference", 1)?)));
        many.push((Side::Reference, Arc::new(service("reference", 10)?)));
    }
    let mut entries = Vec::new();
    for (callers, sides) in [(1, &sides), (64, &sides), (256, &sides), (64, &many)] {
        for (side, target) in sides {
            target.wait_until_ready().await?;
            let server = match side {
                Side::Raw => servers.first(),
                Side::Soa => servers.get(1),
                Side::Reference => servers.get(2),
            };
            entries.push(Entry {
                side: *side,
                callers,
                target: Arc::clone(target),
                server_pid: server.map(Process::id).unwrap_or_default(),
                best: None,
            });
        }
    }
    for round in 1..=arguments.rounds {
        for entry in &mut entries {
            let (side, callers) = (entry.side, entry.callers);
            let actions = entry.target.actions();
            output::tell(format_args!(
                "round {round}: {side}, {callers} callers, {actions} actions a job"
            ));
            let plan = Plan {
                pace: Pace::Closed(callers),
                warm_up: arguments.duration.min(MAX_WARM_UP),
                duration: arguments.duration,
            };
            let outcome = measure(&entry.target, plan, settings, &[entry.server_pid]).await?;
            if let Some(problem) = &outcome.problem {
                return Err(format!("{side} failed: {problem}").into());
            }
            entry.keep_best(outcome);
        }
    }
    output::report(&table(&entries))?;
    output::report(&ratios(&entries))?;
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
    let best = |side: Side, callers: u32, actions: u32| {
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
        rate(Side::Soa, 64, 1),
        rate(Side::Raw, 64, 1),
        "≥ 0.55",
    );
    row(
        "p50 of 1 caller, to raw sockets",
        p50(Side::Soa),
        p50(Side::Raw),
        "≤ 1.3",
    );
    row(
        "round trips/s at 64 callers, to PySOA",
        rate(Side::Soa, 64, 1),
        rate(Side::Reference, 64, 1),
        "≥ 45",
    );
    row(
        "actions/s, ten a job, to PySOA",
        rate(Side::Soa, 64, 10),
        rate(Side::Reference, 64, 10),
        "≥ 25",
    );
    out
}
