//! The command without a name: one run for each number of callers, or for each rate.

use std::error::Error;
use std::sync::Arc;

use soa::RedisSettings;

use crate::arguments::Run;
use crate::http::{Caller, Request};
use crate::measure::{Pace, Plan, measure};
use crate::process::{Process, Redis};
use crate::target::{Target, Work};
use crate::{output, plot, report, telemetry};

/// Measures what the arguments ask for, and prints a report of each run.
pub(crate) async fn run(run: Run) -> Result<(), Box<dyn Error>> {
    if let Some(url) = &run.http {
        let target = Target::Http(over_http(url, &run)?);
        return measure_all(&run, Arc::new(target), None, &run.server_pid).await;
    }
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
    measure_all(&run, Arc::new(target), Some(settings), &pids).await?;
    observing.finish();
    Ok(())
}

/// Returns a caller that sends the body of the run to a URL.
fn over_http(url: &str, run: &Run) -> Result<Caller, Box<dyn Error>> {
    let rest = url
        .strip_prefix("http://")
        .ok_or("expected a URL that begins with http://")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut body = Vec::new();
    soa::codec::json::encode_compact(&run.body, &mut body)?;
    let request = Request {
        method: "POST",
        target: format!("/{path}"),
        headers: "content-type: application/json\r\n".to_owned(),
        body,
    };
    Ok(Caller::new(address, &request))
}

/// Measures a target at each pace of the run.
async fn measure_all(
    run: &Run,
    target: Arc<Target>,
    redis: Option<&RedisSettings>,
    pids: &[u32],
) -> Result<(), Box<dyn Error>> {
    target.wait_until_ready().await?;
    let mut outcomes = Vec::new();
    for pace in paces(run) {
        let plan = Plan {
            pace,
            warm_up: run.warm_up,
            duration: run.duration,
        };
        let outcome = measure(&target, plan, redis, pids).await?;
        if run.json {
            output::report(&report::json(&outcome)?)?;
        } else {
            output::report(&report::text(&outcome))?;
        }
        outcomes.push(outcome);
    }
    if let Some(file) = &run.plot {
        std::fs::write(file, plot::svg(&outcomes))?;
    }
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
