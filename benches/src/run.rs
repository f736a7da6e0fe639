//! The command without a name: one run for each number of callers, or for each rate.

use std::error::Error;
use std::sync::Arc;

use crate::arguments::Run;
use crate::measure::{Pace, Plan, measure};
use crate::process::{Process, Redis};
use crate::target::{Target, Work};
use crate::{output, plot, report, telemetry};

/// Measures what the arguments ask for, and prints a report of each run.
pub(crate) async fn run(run: Run) -> Result<(), Box<dyn Error>> {
    let (redis, _own_redis) = match &run.redis {
        Some(redis) => (redis.clone(), None),
        None => {
            let own = Redis::start()?;
            (own.address()?, Some(own))
        }
    };
    let settings = &redis.settings;
    let assignments = telemetry::assignments(&run.see, run.sample)?;
    let observing = telemetry::start(&assignments)?;
    let mut servers = Vec::new();
    if run.raw {
        servers.push(Process::raw_server(&redis)?);
    }
    for _ in 0..run.start_server {
        let server = Process::example_server(&redis, &run.service, &assignments)?;
        servers.push(server);
    }
    let mut pids = run.server_pid.clone();
    pids.extend(servers.iter().map(Process::id));
    let target = if run.raw {
        Target::raw(settings).await?
    } else {
        let work = Work {
            service: run.service.clone(),
            action: run.action.clone(),
            body: run.body.clone(),
            actions: run.actions,
        };
        let settings = settings.as_ref().clone();
        Target::service(&settings.expects_chunked_replies(run.own_lists), work)?
    };
    let target = Arc::new(target);
    target.wait_until_ready().await?;
    let mut outcomes = Vec::new();
    for pace in paces(&run) {
        let plan = Plan {
            pace,
            warm_up: run.warm_up,
            duration: run.duration,
        };
        let outcome = measure(&target, plan, settings, &pids).await?;
        if run.json {
            output::report(&report::json(&outcome)?)?;
        } else {
            output::report(&report::text(&outcome))?;
        }
        outcomes.push(outcome);
    }
    if let Some(file) = run.plot {
        std::fs::write(&file, plot::svg(&outcomes))?;
    }
    observing.finish();
    Ok(())
}

/// Returns the pace of each run.
fn paces(run: &Run) -> Vec<Pace> {
    if run.rate.is_empty() {
        let callers = run.callers.iter();
        return callers.map(|callers| Pace::Closed(*callers)).collect();
    }
    run.rate.iter().map(|rate| Pace::Open(*rate)).collect()
}
