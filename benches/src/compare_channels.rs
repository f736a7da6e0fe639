//! `load compare-channels`: typed calls over HTTP, beside the same requests by the client of HTTP alone.

use std::error::Error;
use std::sync::Arc;

use soa::Channel;

use crate::arguments::CompareChannels;
use crate::channels::{Plain, Typed};
use crate::measure::Outcome;
use crate::process::{Process, free_port};
use crate::target::Target;
use crate::turns::{Entry, measure_in_turns};
use crate::{output, report};

const ALONE: &str = "hyper alone";
const SOA: &str = "soa";

/// The number of callers in the ratios of rates.
const CALLERS: u32 = 64;

/// Runs the comparison, and prints a table of figures and one of ratios.
pub(crate) async fn compare(arguments: &CompareChannels) -> Result<(), Box<dyn Error>> {
    let port = free_port()?;
    let server = Process::component_server(port)?;
    let url = format!("http://127.0.0.1:{port}");
    let mut entries = Vec::new();
    for callers in [1, CALLERS] {
        for channel in Channel::ALL {
            let targets = [
                (ALONE, Target::Plain(Box::new(Plain::new(channel, &url)?))),
                (SOA, Target::Typed(Typed::new(channel, &url)?)),
            ];
            for (side, target) in targets {
                target.wait_until_ready().await?;
                entries.push(Entry {
                    side,
                    work: channel.name(),
                    callers,
                    target: Arc::new(target),
                    server_pid: server.id(),
                    best: None,
                });
            }
        }
    }
    measure_in_turns(&mut entries, arguments.rounds, arguments.duration, None).await?;
    output::report(&table(&entries))?;
    Ok(())
}

fn table(entries: &[Entry]) -> String {
    let mut out = "\
| channel | load | calls/s alone | calls/s soa | ratio (goal ≥ 0.85) | p50 µs alone | p50 µs soa | ratio (goal ≤ 1.15) | µs client alone | µs client soa |
|---|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for pair in entries.chunks(2) {
        let [alone, soa] = pair else { continue };
        let (Some(before), Some(after)) = (&alone.best, &soa.best) else {
            continue;
        };
        let own = |outcome: &Outcome| report::per_round_trip(outcome)(outcome.usage.own);
        let (slow, fast) = (after.latency(0.5), before.latency(0.5));
        out.push_str(&format!(
            "| {} | {} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} |\n",
            soa.work,
            report::load(after.pace),
            before.rate(),
            after.rate(),
            after.rate() / before.rate(),
            fast,
            slow,
            slow / fast,
            own(before),
            own(after),
        ));
    }
    out
}
