//! A load program for services over Redis.
//!
//! ```text
//! cargo build --release -p soa-bench -p example_service
//! target/release/load --start-server --callers 1,64
//! ```
//!
//! It calls one action in a closed loop of callers or an open loop at a rate, of whatever serves the protocol:
//! this framework, PySOA, or, with `--raw`, sockets without either. It reports round trips, latencies and what
//! the processor did in this process, the servers and Redis. `load compare` measures several of these in turns,
//! and gives their ratios; `load see` measures what log, metrics and traces cost.
//!
//! Everything here runs on one thread, as a client does by default; only the clock of the open loop has its own.

#![allow(clippy::print_stderr, clippy::print_stdout)] // A program for people at a terminal.

mod arguments;
mod compare;
mod measure;
mod plot;
mod processes;
mod raw;
mod report;
mod resp;
mod see;
mod target;
mod usage;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use soa::RedisSettings;

use arguments::{Arguments, Command, Run};
use measure::{Outcome, Pace, Plan, measure};
use processes::{Process, Redis};
use target::{Target, Work};
use usage::Watched;

/// The same as the example service's, so that all that is compared has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a server may take to give its first answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        None => run(arguments.run).await,
        Some(Command::Compare(arguments)) => compare::compare(&arguments).await,
        Some(Command::See(arguments)) => see::cost(&arguments),
        Some(Command::RawServer { redis }) => raw::serve(&redis.settings).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(run: Run) -> Result<(), Box<dyn Error>> {
    let (redis, _own) = match &run.redis {
        Some(redis) => (redis.clone(), None),
        None => {
            let own = Redis::start()?;
            (own.address()?, Some(own))
        }
    };
    let settings = &redis.settings;
    let seen = see::assignments(&run.see, run.sample)?;
    let observing = see::observe(&seen)?;
    let mut servers = Vec::new();
    if run.raw {
        servers.push(Process::raw_server(&redis)?);
    }
    for _ in 0..run.start_server {
        servers.push(Process::example_server(&redis, &run.service, &seen)?);
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
        let lists = settings.as_ref().clone();
        Target::service(&lists.expects_chunked_replies(run.own_lists), work)?
    };
    let target = Arc::new(target);
    target.wait_until_it_answers(PATIENCE).await?;
    let mut outcomes = Vec::new();
    for pace in paces(&run) {
        let plan = Plan {
            pace,
            warm_up: run.warm_up,
            duration: run.duration,
        };
        let outcome = one(&target, plan, settings, &pids).await?;
        if run.json {
            println!("{}", report::json(&outcome)?);
        } else {
            println!("{}", report::text(&outcome));
        }
        outcomes.push(outcome);
    }
    if let Some(file) = run.plot {
        std::fs::write(&file, plot::svg(&outcomes))?;
    }
    observing.finish();
    Ok(())
}

fn paces(run: &Run) -> Vec<Pace> {
    if run.rate.is_empty() {
        let callers = run.callers.iter();
        return callers.map(|callers| Pace::Closed(*callers)).collect();
    }
    run.rate.iter().map(|rate| Pace::Open(*rate)).collect()
}

/// One run against something that answers.
async fn one(
    target: &Arc<Target>,
    plan: Plan,
    settings: &RedisSettings,
    servers: &[u32],
) -> Result<Outcome, Box<dyn Error>> {
    let watched = Watched::new(settings, servers).await?;
    measure(target, plan, watched).await
}
