//! The loops and what they measure.
//!
//! A run is a warm-up and a window. A closed loop counts the calls that end within the window. An open loop
//! counts those that were planned within it, whenever they end, and from the planned moment on: a call that had to
//! wait for its turn since the service was slow is as late as its user found it.

use std::error::Error;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::mpsc;

use crate::target::Target;
use crate::usage::{Usage, Watched};

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// By so many callers, each one call after the other.
    Closed(u32),
    /// So many a second.
    Open(f64),
}

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) pace: Pace,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) pace: Pace,
    /// How long the window was.
    pub(crate) window: Duration,
    /// Actions a call.
    pub(crate) actions: u32,
    /// How long the calls took that succeeded, in nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) failures: u64,
    /// What the first failure said.
    pub(crate) problem: Option<String>,
    pub(crate) usage: Usage,
}

impl Outcome {
    /// Successful calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.window.as_secs_f64()
    }

    /// The latency that this part of the calls stays below, in microseconds.
    pub(crate) fn latency(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

const WARM_UP: u8 = 0;
const WINDOW: u8 = 1;
const OVER: u8 = 2;

/// What the callers write down.
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
    /// All calls of the run, for the progress line.
    total: u64,
}

impl Record {
    fn new() -> Result<Self, Box<dyn Error>> {
        let counted = Counted {
            // Up to a minute, to three digits.
            latencies: Histogram::new_with_max(60_000_000_000, 3)?,
            failures: 0,
            problem: None,
            total: 0,
        };
        Ok(Self {
            phase: AtomicU8::new(WARM_UP),
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

/// Makes one run.
pub(crate) async fn measure(
    target: &Arc<Target>,
    plan: Plan,
    mut watched: Watched,
) -> Result<Outcome, Box<dyn Error>> {
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
    let before = watched.look().await?;
    let start = Instant::now();
    record.enter(WINDOW);
    wait("measuring", plan.duration, &record).await;
    let window = start.elapsed();
    record.enter(OVER);
    let usage = watched.since(&before).await?;
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
    while !record.is_in(OVER) {
        let start = Instant::now();
        let outcome = target.call().await;
        record.count(start.elapsed(), outcome, record.is_in(WINDOW));
    }
}

/// Makes the calls of an open loop and waits for their answers.
async fn call_at(rate: f64, plan: Plan, target: Arc<Target>, record: Arc<Record>) {
    let (due, mut calls) = mpsc::unbounded_channel();
    let start = Instant::now();
    let end = start + plan.warm_up + plan.duration;
    // The runtime's clock has steps of a millisecond. This thread's are finer.
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
    // It has closed the channel, so it has ended.
    let _ = clock.join();
}

/// Lets the load run, with a line about it every second.
async fn wait(what: &str, duration: Duration, record: &Record) {
    let end = tokio::time::Instant::now() + duration;
    let mut last = record.counted().total;
    loop {
        let next = tokio::time::Instant::now() + Duration::from_secs(1);
        tokio::time::sleep_until(next.min(end)).await;
        if next > end {
            return;
        }
        let (total, failures) = {
            let counted = record.counted();
            (counted.total, counted.failures)
        };
        eprintln!("{what}: {} calls/s, {failures} failures", total - last);
        last = total;
    }
}
