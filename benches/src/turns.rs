//! Servers that are measured in turns, for several rounds.
//!
//! The speed of a machine that other programs use changes over time. So the servers take turns; the best turn of each counts,
//! and the ratios say more than the figures.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use soa::RedisSettings;

use crate::measure::{Outcome, Pace, Plan, measure};
use crate::output;
use crate::target::Target;

/// The longest warm-up of a turn.
const MAX_WARM_UP: Duration = Duration::from_secs(1);

/// A server under one load, with its best outcome so far.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name of the server in tables.
    pub(crate) side: &'static str,
    /// The name of what it is asked to do, if there are several such.
    pub(crate) work: &'static str,
    pub(crate) callers: u32,
    pub(crate) target: Arc<Target>,
    pub(crate) server_pid: u32,
    pub(crate) best: Option<Outcome>,
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

/// Measures all entries, once in each round.
///
/// # Errors
/// A server failed a call.
pub(crate) async fn measure_in_turns(
    entries: &mut [Entry],
    rounds: u32,
    duration: Duration,
    redis: Option<&RedisSettings>,
) -> Result<(), Box<dyn Error>> {
    for round in 1..=rounds {
        for entry in entries.iter_mut() {
            let (side, work, callers) = (entry.side, entry.work, entry.callers);
            let actions = entry.target.actions();
            output::tell(format_args!(
                "round {round}: {side}, {callers} callers, {actions} actions a job {work}"
            ));
            let plan = Plan {
                pace: Pace::Closed(callers),
                warm_up: duration.min(MAX_WARM_UP),
                duration,
            };
            let outcome = measure(&entry.target, plan, redis, &[entry.server_pid]).await?;
            if let Some(problem) = &outcome.problem {
                return Err(format!("{side} failed: {problem}").into());
            }
            entry.keep_best(outcome);
        }
    }
    Ok(())
}
