//! The loops that make calls, and the measuring.
//!
//! A run is a warm-up and a window. A closed loop counts the calls that end within the window, and those that began in it
//! and failed. An open loop counts the calls that were planned within the window, whenever they end, and measures from the
//! planned time on: a call that starts late because the service was slow has the latency that its user would see.
//!
//! Whatever happens to Redis or to a server meanwhile, a run has an outcome: calls that fail are counted, and figures that
//! cannot be read are left out.

use std::error::Error;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use soa::RedisSettings;
use tokio::sync::mpsc;

use crate::output;
use crate::target::Target;
use crate::usage::{Usage, Watched};

/// The way in which calls are made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// A number of callers, each of which makes one call after another.
    Closed(u32),
    /// A number of calls a second.
    Open(f64),
}

/// The plan of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) pace: Pace,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// The figures of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) pace: Pace,
    /// Length of the window.
    pub(crate) window: Duration,
    /// Actions in each call.
    pub(crate) actions: u32,
    /// Latencies of successful calls, in nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) failures: u64,
    /// Error of the first failed call.
    pub(crate) problem: Option<String>,
    pub(crate) usage: Usage,
}

impl Outcome {
    /// Returns the successful calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.window.as_secs_f64()
    }

    /// Returns the latency at a quantile, in microseconds.
    pub(crate) fn latency(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

const PHASE_WARM_UP: u8 = 0;
const PHASE_WINDOW: u8 = 1;
const PHASE_END: u8 = 2;

/// The longest latency that is told from longer ones, in nanoseconds.
const MAX_LATENCY: u64 = 60_000_000_000;

/// The significant digits of recorded latencies.
const LATENCY_DIGITS: u8 = 3;

/// The time between two lines about the progress of a run.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The pause of a caller after a failure. Calls that fail at once, because Redis is gone, would keep the thread busy.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

/// The shared record of the callers.
#[derive(Debug)]
struct Record {
    phase: AtomicU8,
    counted: Mutex<Counted>,
}

#[derive(Debug)]
struct Counted {
    latencies: Histogram<u64>,
    failures: u64,
    problem: Option<String>,
    /// All calls of the run, for the lines about its progress.
    total: u64,
}

impl Record {
    fn new() -> Result<Self, Box<dyn Error>> {
        let counted = Counted {
            latencies: Histogram::new_with_max(MAX_LATENCY, LATENCY_DIGITS)?,
            failures: 0,
            problem: None,
            total: 0,
        };
        Ok(Self {
            phase: AtomicU8::new(PHASE_WARM_UP),
            counted: Mutex::new(counted),
        })
    }

    fn is_in(&self, phase: u8) -> bool {
        self.phase.load(Ordering::Relaxed) == phase
    }

    fn enter(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
    }

    fn count(&self, latency: Duration, outcome: Result<(), String>, is_measured: bool) {
        let mut counted = self.counted();
        counted.total += 1;
        if !is_measured {
            return;
        }
        match outcome {
            Ok(()) => {
                let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
                counted.latencies.saturating_record(nanoseconds);
            }
            Err(problem) => {
                counted.failures += 1;
                counted.problem.get_or_insert(problem);
            }
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Nothing panics while this is held.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes one run against a server that is ready, and watches these processes and Redis meanwhile.
pub(crate) async fn measure(
    target: &Arc<Target>,
    plan: Plan,
    redis: Option<&RedisSettings>,
    servers: &[u32],
) -> Result<Outcome, Box<dyn Error>> {
    let mut watched = Watched::new(redis, servers);
    let record = Arc::new(Record::new()?);
    let loops = match plan.pace {
        Pace::Closed(callers) => {
            let callers = (0..callers).map(|_| {
                let (target, record) = (Arc::clone(target), Arc::clone(&record));
                tokio::spawn(call_in_turn(target, record))
            });
            callers.collect()
        }
        Pace::Open(rate) => {
            let (target, record) = (Arc::clone(target), Arc::clone(&record));
            vec![tokio::spawn(call_at(rate, plan, target, record))]
        }
    };
    wait("warming up", plan.warm_up, &record).await;
    let before = watched.snapshot().await;
    let start = Instant::now();
    record.enter(PHASE_WINDOW);
    wait("measuring", plan.duration, &record).await;
    let window = start.elapsed();
    record.enter(PHASE_END);
    let usage = watched.since(&before).await;
    for caller in loops {
        caller.await?;
    }
    let counted = record.counted();
    Ok(Outcome {
        pace: plan.pace,
        window,
        actions: target.actions(),
        latencies: counted.latencies.clone(),
        failures: counted.failures,
        problem: counted.problem.clone(),
        usage,
    })
}

async fn call_in_turn(target: Arc<Target>, record: Arc<Record>) {
    while !record.is_in(PHASE_END) {
        let start = Instant::now();
        let began_in_window = record.is_in(PHASE_WINDOW);
        let outcome = target.call().await;
        let has_failed = outcome.is_err();
        // A call whose message was lost in the window times out long after it.
        let is_measured = record.is_in(PHASE_WINDOW) || has_failed && began_in_window;
        record.count(start.elapsed(), outcome, is_measured);
        if has_failed {
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }
}

/// Makes the calls of an open loop and waits for all responses.
async fn call_at(rate: f64, plan: Plan, target: Arc<Target>, record: Arc<Record>) {
    let (due, mut calls) = mpsc::unbounded_channel();
    let start = Instant::now();
    let end = start + plan.warm_up + plan.duration;
    // The timers of the runtime have a resolution of a millisecond; the sleep of a thread is finer.
    let clock = thread::spawn(move || {
        for call in 0_u64.. {
            let planned = start + Duration::from_secs_f64(call as f64 / rate);
            if planned >= end {
                return;
            }
            thread::sleep(planned.saturating_duration_since(Instant::now()));
            if due.send(planned).is_err() {
                return;
            }
        }
    });
    let mut open = tokio::task::JoinSet::new();
    while let Some(planned) = calls.recv().await {
        let (target, record) = (Arc::clone(&target), Arc::clone(&record));
        let is_measured = planned >= start + plan.warm_up;
        open.spawn(async move {
            let outcome = target.call().await;
            record.count(planned.elapsed(), outcome, is_measured);
        });
        while open.try_join_next().is_some() {}
    }
    while open.join_next().await.is_some() {}
    // The channel is closed, so the thread has ended.
    let _ = clock.join();
}

/// Waits while the load runs, and prints a line about its progress every second.
async fn wait(what: &str, duration: Duration, record: &Record) {
    let end = tokio::time::Instant::now() + duration;
    let mut last = record.counted().total;
    loop {
        let next = tokio::time::Instant::now() + PROGRESS_INTERVAL;
        tokio::time::sleep_until(next.min(end)).await;
        if next > end {
            return;
        }
        let (total, failures) = {
            let counted = record.counted();
            (counted.total, counted.failures)
        };
        output::tell(format_args!(
            "{what}: {} calls/s, {failures} failures",
            total - last
        ));
        last = total;
    }
}
