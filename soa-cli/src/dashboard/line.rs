//! The lines of the picture: a service, its actions, its workers and its neighbours, summed up from the records of all workers.
//!
//! All that peers choose is bounded here: each list has a largest length, and the answers say how much was left out.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};
use soa_runtime::observe::record::{ActionRecord, Sketch, WorkerRecord};

use super::flow::Flows;
use super::history::{OF_ACTION, OF_SERVICE};
use super::number::{millis, short};
use super::ring::Point;
use crate::check::{Finding, Findings, check_actions, check_letters, check_queue, check_workers};
use crate::fleet::{Service, Worker};
use crate::graph::shown_caller;
use crate::services::{count, running};

/// Largest number of actions of a service.
const MAX_ACTIONS: usize = 200;

/// Largest number of callers, of services that are called, of codes of errors, and of versions.
const MAX_NAMES: usize = 100;

/// Largest number of jobs in flight of a worker.
const MAX_JOBS: usize = 20;

/// Age of the oldest request from which nobody seems to take them.
const UNATTENDED_AGE: Duration = Duration::from_secs(5);

/// A service with all that is told of it.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    #[serde(rename = "service")]
    pub(super) line: Line,
    pub(super) actions: Vec<ActionLine>,
    actions_left_off: usize,
    #[serde(skip)]
    pub(super) workers: Vec<WorkerSeen>,
    callers: Vec<CallerLine>,
    called: Vec<CalledLine>,
    reply_lists: usize,
}

/// A service in the list of all.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    #[serde(serialize_with = "text")]
    pub(super) name: Arc<str>,
    pub(super) state: State,
    pub(super) is_paused: bool,
    pub(super) depth: u64,
    depth_growth: Option<f64>,
    oldest_seconds: Option<f64>,
    pub(super) workers: usize,
    pub(super) in_flight: usize,
    pub(super) concurrency: usize,
    pub(super) rate: Option<f64>,
    pub(super) rate_errors: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    versions: Vec<VersionLine>,
    pub(super) dead_letters: u64,
    pub(super) problems: Vec<Problem>,
    /// The last rates, the oldest first.
    pub(super) spark: Vec<Option<f64>>,
}

/// The state of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Up,
    Paused,
    /// Requests wait, and nobody seems to take them.
    Unattended,
    Unknown,
}

#[derive(Debug, Serialize)]
struct VersionLine {
    version: String,
    workers: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Problem {
    pub(super) severity: &'static str,
    code: &'static str,
    what: String,
    advice: String,
}

/// An action, of all workers of a service or of one.
#[derive(Debug, Serialize)]
pub(super) struct ActionLine {
    pub(super) name: String,
    calls: u64,
    rate: f64,
    rate_errors: f64,
    errors: BTreeMap<String, u64>,
    callers: BTreeMap<String, u64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    shortest_patience_ms: Option<u64>,
}

/// A worker with its actions.
#[derive(Debug, Serialize)]
pub(super) struct WorkerSeen {
    #[serde(flatten)]
    pub(super) line: WorkerLine,
    actions: Vec<ActionLine>,
    called: Vec<CalledLine>,
}

/// A worker in the list of those of a service.
#[derive(Debug, Serialize)]
pub(super) struct WorkerLine {
    pub(super) id: String,
    host: String,
    pid: u32,
    version: String,
    build: Option<String>,
    schemas: Option<String>,
    started: f64,
    told_at: f64,
    is_paused: bool,
    in_flight: usize,
    concurrency: usize,
    jobs: u64,
    refused: u64,
    dropped: u64,
    rate: f64,
    rate_errors: f64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    oldest: Vec<JobLine>,
}

#[derive(Debug, Serialize)]
struct JobLine {
    action: String,
    caller: Option<String>,
    running_ms: u64,
    left_ms: Option<i64>,
}

#[derive(Debug, Serialize)]
struct CallerLine {
    name: String,
    calls: u64,
    rate: Option<f64>,
}

#[derive(Debug, Serialize)]
struct CalledLine {
    name: String,
    calls: u64,
    failed: u64,
    rate: Option<f64>,
    rate_failed: Option<f64>,
}

/// The results of a look besides the fleet.
#[derive(Debug)]
pub(super) struct Beside {
    /// Numbers of dead letters, by service.
    pub(super) dead: BTreeMap<String, u64>,
    pub(super) flows: Flows,
}

impl Seen {
    /// Sums a service up. Its queue before this look is told as a depth, and the seconds since then.
    pub(super) fn new(
        name: &str,
        service: Service,
        beside: &Beside,
        before: Option<(u64, f64)>,
    ) -> Self {
        let dead_letters = beside.dead.get(name).copied().unwrap_or(0);
        let growth = before.and_then(|(depth, seconds)| {
            let growth = count(service.queue.depth) - count(depth);
            (seconds > 0.0).then(|| growth / seconds)
        });
        // Workers without records take requests, too: then the queue is short, or at least not old.
        let depth = service.queue.depth;
        let is_young = service.queue.oldest.is_some_and(|age| age < UNATTENDED_AGE);
        let is_taken = depth == 0 || is_young || growth.is_some_and(|growth| growth < 0.0);
        let consumers = (depth > 0).then_some(is_taken);
        let mut findings = Findings::default();
        check_queue(
            name,
            &service,
            growth.unwrap_or(0.0),
            consumers,
            &mut findings,
        );
        check_workers(name, &service, &mut findings);
        check_actions(name, &service, &mut findings);
        check_letters(name, dead_letters, &mut findings);
        findings.0.sort_by_key(|finding| finding.severity);

        let all = all_actions(&service.workers);
        let (times, rate, errors) = together(&all);
        let has_records = !service.workers.is_empty();
        let line = Line {
            name: name.into(),
            state: match (service.is_paused, has_records) {
                (true, _) => State::Paused,
                (false, true) => State::Up,
                (false, false) if !is_taken => State::Unattended,
                (false, false) => State::Unknown,
            },
            is_paused: service.is_paused,
            depth,
            depth_growth: growth.map(short),
            oldest_seconds: service.queue.oldest.map(|age| short(age.as_secs_f64())),
            workers: service.workers.len(),
            in_flight: running(&service.workers),
            concurrency: service
                .workers
                .iter()
                .map(|one| one.record.concurrency)
                .fold(0, usize::saturating_add),
            rate: has_records.then(|| short(rate)),
            rate_errors: has_records.then(|| short(errors)),
            p50_ms: millis(&times, 0.5),
            p95_ms: millis(&times, 0.95),
            p99_ms: millis(&times, 0.99),
            versions: versions(&service.workers),
            dead_letters,
            problems: findings.0.into_iter().map(problem).collect(),
            spark: Vec::new(),
        };
        let flow = |from: &str, to: &str| {
            let pair = (from.to_owned(), to.to_owned());
            beside.flows.get(&pair).copied()
        };
        let (callers, called) = neighbours(&service.workers);
        let callers = largest(callers, |calls| *calls).into_iter();
        let called = largest(called, |(calls, _)| *calls).into_iter();
        let reply_lists = service.reply_lists;
        let mut workers: Vec<WorkerSeen> = service.workers.into_iter().map(worker).collect();
        workers.sort_by(|a, b| {
            let key = |one: &WorkerSeen| (one.line.in_flight, one.line.rate);
            let ((running, rate), (other_running, other_rate)) = (key(a), key(b));
            let order = other_running.cmp(&running);
            order.then(other_rate.total_cmp(&rate))
        });
        Self {
            line,
            actions_left_off: all.len().saturating_sub(MAX_ACTIONS),
            actions: lines(all),
            workers,
            callers: callers
                .map(|(caller, calls)| CallerLine {
                    rate: flow(shown_caller(&caller), name).map(|flow| short(flow.rate)),
                    name: caller,
                    calls,
                })
                .collect(),
            called: called
                .map(|(called, (calls, failed))| {
                    let flow = flow(name, &called);
                    CalledLine {
                        name: called,
                        calls,
                        failed,
                        rate: flow.map(|flow| short(flow.rate)),
                        rate_failed: flow.map(|flow| short(flow.failed)),
                    }
                })
                .collect(),
            reply_lists,
        }
    }

    /// The numbers of the service, for its history.
    pub(super) fn point(&self) -> Point<OF_SERVICE> {
        let line = &self.line;
        let has_records = line.workers > 0;
        let running = u64::try_from(line.in_flight).unwrap_or(u64::MAX);
        [
            line.rate,
            line.rate_errors,
            line.p50_ms,
            line.p95_ms,
            line.p99_ms,
            has_records.then(|| count(running)),
            Some(count(line.depth)),
            Some(line.oldest_seconds.unwrap_or(0.0)),
        ]
    }
}

impl ActionLine {
    /// The numbers of the action, for its history.
    pub(super) fn point(&self) -> Point<OF_ACTION> {
        [
            Some(self.rate),
            Some(self.rate_errors),
            self.p50_ms,
            self.p95_ms,
            self.p99_ms,
        ]
    }
}

fn problem(finding: Finding) -> Problem {
    Problem {
        severity: finding.severity.word(),
        code: finding.code,
        what: finding.what,
        advice: finding.advice,
    }
}

fn versions(workers: &[Worker]) -> Vec<VersionLine> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for worker in workers {
        *counts.entry(&worker.record.version).or_default() += 1;
    }
    let counts = counts.into_iter().take(MAX_NAMES);
    counts
        .map(|(version, workers)| VersionLine {
            version: version.to_owned(),
            workers,
        })
        .collect()
}

/// Calls by caller, and calls and failed ones by the service that was called.
type Neighbours = (BTreeMap<String, u64>, BTreeMap<String, (u64, u64)>);

fn neighbours(workers: &[Worker]) -> Neighbours {
    let mut callers: BTreeMap<String, u64> = BTreeMap::new();
    let mut called: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for worker in workers {
        for action in worker.record.actions.values() {
            add_all(&mut callers, &action.callers);
        }
        for (service, made) in &worker.record.called {
            let sum = called.entry(service.clone()).or_default();
            sum.0 = sum.0.saturating_add(made.calls);
            sum.1 = sum.1.saturating_add(made.failed);
        }
    }
    (callers, called)
}

fn add_all(sums: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    for (name, number) in more {
        match sums.get_mut(name) {
            Some(sum) => *sum = sum.saturating_add(*number),
            None => drop(sums.insert(name.clone(), *number)),
        }
    }
}

/// The entries with the largest numbers, the largest first.
fn largest<T>(all: BTreeMap<String, T>, number: impl Fn(&T) -> u64) -> Vec<(String, T)> {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, entry)| Reverse(number(entry)));
    all.truncate(MAX_NAMES);
    all
}

/// The numbers of an action, of several workers.
#[derive(Debug, Default)]
struct Summed {
    calls: u64,
    rate: f64,
    errors_rate: f64,
    errors: BTreeMap<String, u64>,
    callers: BTreeMap<String, u64>,
    lately: Sketch,
    patience: Option<u64>,
}

impl Summed {
    fn add(&mut self, record: &WorkerRecord, action: &ActionRecord) {
        let seconds = record.lately_seconds.max(1.0);
        self.calls = self.calls.saturating_add(action.calls);
        self.rate += count(action.lately.count()) / seconds;
        self.errors_rate += count(action.lately_errors) / seconds;
        add_all(&mut self.errors, &action.errors);
        add_all(&mut self.callers, &action.callers);
        self.lately.merge(&action.lately);
        let both = self.patience.into_iter().chain(action.shortest_patience);
        self.patience = both.min();
    }

    fn line(self, name: String) -> ActionLine {
        ActionLine {
            name,
            calls: self.calls,
            rate: short(self.rate),
            rate_errors: short(self.errors_rate),
            errors: largest(self.errors, |count| *count).into_iter().collect(),
            callers: largest(self.callers, |count| *count).into_iter().collect(),
            p50_ms: millis(&self.lately, 0.5),
            p95_ms: millis(&self.lately, 0.95),
            p99_ms: millis(&self.lately, 0.99),
            max_ms: millis(&self.lately, 1.0),
            shortest_patience_ms: self.patience,
        }
    }
}

fn all_actions(workers: &[Worker]) -> BTreeMap<String, Summed> {
    let mut all: BTreeMap<String, Summed> = BTreeMap::new();
    for Worker { record, .. } in workers {
        for (name, action) in &record.actions {
            if !all.contains_key(name) {
                all.insert(name.clone(), Summed::default());
            }
            if let Some(sum) = all.get_mut(name) {
                sum.add(record, action);
            }
        }
    }
    all
}

/// The times of all actions together, their rate and that of their errors.
fn together(all: &BTreeMap<String, Summed>) -> (Sketch, f64, f64) {
    let mut times = Sketch::default();
    let (mut rate, mut errors) = (0.0, 0.0);
    for action in all.values() {
        times.merge(&action.lately);
        rate += action.rate;
        errors += action.errors_rate;
    }
    (times, rate, errors)
}

/// The actions with the most calls, by name.
fn lines(all: BTreeMap<String, Summed>) -> Vec<ActionLine> {
    let mut all: Vec<_> = all.into_iter().collect();
    if all.len() > MAX_ACTIONS {
        all.sort_by_key(|(_, sum)| Reverse(sum.calls));
        all.truncate(MAX_ACTIONS);
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    let all = all.into_iter();
    all.map(|(name, sum)| sum.line(name)).collect()
}

fn worker(told: Worker) -> WorkerSeen {
    let all = all_actions(std::slice::from_ref(&told));
    let Worker { id, record } = told;
    let (times, rate, errors) = together(&all);
    let called = record.called.into_iter().take(MAX_NAMES);
    let oldest = record.oldest.into_iter().take(MAX_JOBS);
    WorkerSeen {
        line: WorkerLine {
            id,
            host: record.host,
            pid: record.pid,
            version: record.version,
            build: record.build,
            schemas: record.schemas,
            started: record.started,
            told_at: record.at,
            is_paused: record.is_paused,
            in_flight: record.running,
            concurrency: record.concurrency,
            jobs: record.jobs,
            refused: record.refused,
            dropped: record.dropped,
            rate: short(rate),
            rate_errors: short(errors),
            p50_ms: millis(&times, 0.5),
            p95_ms: millis(&times, 0.95),
            p99_ms: millis(&times, 0.99),
            oldest: oldest
                .map(|flight| JobLine {
                    action: flight.action,
                    caller: flight.caller,
                    running_ms: flight.running_for,
                    left_ms: flight.left,
                })
                .collect(),
        },
        actions: lines(all),
        called: called
            .map(|(name, made)| CalledLine {
                name,
                calls: made.calls,
                failed: made.failed,
                rate: None,
                rate_failed: None,
            })
            .collect(),
    }
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
