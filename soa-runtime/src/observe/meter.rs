//! The handles of metrics, made once for each server, action, route and transport.
//!
//! Two labels are not known in advance: the caller of an action, and the actions that a client calls. Their handles are
//! kept in small maps, so that a call costs a look-up at most. As peers choose these names, they are bounded: further
//! callers are counted together, and so are names that are too long.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use metrics::{Counter, Gauge, Histogram, IntoF64};
use rustc_hash::FxHashMap;

use super::record::CalledRecord;
use super::{Metric, names};
use crate::error::ClientError;
use crate::message::{ActionRequest, Name, WireError};
use crate::wire::DropReason;

/// The maximum number of callers, or of called actions, that have handles of their own.
const MAX_LABELS: usize = 512;

/// The maximum length of a name or code as a label, in bytes.
const MAX_LABEL_LENGTH: usize = 128;

/// The label of a caller that is not a service.
const PROGRAM: &str = "program";

/// The label of names that are too many, or too long.
const OTHER: &str = "other";

/// Returns a name as a label.
fn label(name: &str) -> &str {
    if name.len() <= MAX_LABEL_LENGTH {
        name
    } else {
        OTHER
    }
}

/// A histogram of times. Where no recorder takes them, the clock is not read, which is a twentieth of a local call.
#[derive(Debug)]
struct Timer {
    histogram: Histogram,
    is_on: bool,
}

impl Timer {
    fn new(histogram: Histogram) -> Self {
        // A handle converts a value only if it has a recorder. It is told a value zero times.
        let is_on = Cell::new(false);
        histogram.record_many(Converted(&is_on), 0);
        Self {
            histogram,
            is_on: is_on.get(),
        }
    }

    /// Returns the present time, if a recorder takes times.
    fn begin(&self) -> Option<Instant> {
        self.is_on.then(Instant::now)
    }

    /// Records the time since this moment.
    fn end(&self, since: Instant) {
        if self.is_on {
            self.histogram.record(since.elapsed());
        }
    }
}

/// A value that notes that it was converted.
struct Converted<'a>(&'a Cell<bool>);

impl IntoF64 for Converted<'_> {
    fn into_f64(self) -> f64 {
        self.0.set(true);
        0.0
    }
}

/// The metrics of a server.
#[derive(Debug)]
pub(crate) struct ServerMeters {
    service: Name,
    job_time: Timer,
    pub(crate) queue_wait: Histogram,
    pub(crate) idle_time: Histogram,
    busy: Gauge,
    running: AtomicUsize,
    pub(crate) job_error: Counter,
    pub(crate) unhandled_error: Counter,
    pub(crate) too_large: Counter,
    pub(crate) not_serializable: Counter,
}

impl ServerMeters {
    pub(crate) fn new(service: &Name) -> Self {
        let labels = [&**service];
        Self {
            service: service.clone(),
            job_time: Timer::new(names::JOB_TIME.histogram(labels)),
            queue_wait: names::QUEUE_WAIT.histogram(labels),
            idle_time: names::IDLE_TIME.histogram(labels),
            busy: names::BUSY.gauge(labels),
            running: AtomicUsize::new(0),
            job_error: names::JOB_ERROR.counter(labels),
            unhandled_error: names::UNHANDLED_ERROR.counter(labels),
            too_large: names::RESPONSE_TOO_LARGE.counter(labels),
            not_serializable: names::RESPONSE_NOT_SERIALIZABLE.counter(labels),
        }
    }

    /// Counts a job that begins. [`job_ended`](Self::job_ended) is to be called once for it.
    pub(crate) fn job_began(&self) {
        self.busy.increment(1.0);
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a job that has run since this moment.
    pub(crate) fn job_ended(&self, since: Instant) {
        self.busy.decrement(1.0);
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.job_time.end(since);
    }

    /// Returns the number of running jobs.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Starts a run loop, which ends when the returned meter is dropped.
    pub(crate) fn run_loop(&self) -> Running {
        names::STARTUP.counter([&self.service]).increment(1);
        let running = names::RUNNING.gauge([&self.service]);
        running.increment(1.0);
        Running {
            running,
            shutdown: names::SHUTDOWN.counter([&self.service]),
        }
    }

    /// Counts the errors of an action.
    pub(crate) fn failed(&self, action: &str, errors: &[WireError]) {
        for error in errors {
            let labels = [&*self.service, action, label(&error.code)];
            names::ACTION_ERROR.counter(labels).increment(1);
        }
    }

    /// Counts an action, or a whole job, that was given up.
    pub(crate) fn given_up(&self, level: &str) {
        names::HARAKIRI.counter([&self.service, level]).increment(1);
    }

    /// Counts a request that was not started.
    pub(crate) fn refused(&self, reason: &'static str) {
        names::REFUSED
            .counter([&*self.service, reason])
            .increment(1);
    }

    pub(crate) fn dropped(&self, reason: DropReason) {
        let counter = match reason {
            DropReason::Expired => names::EXPIRED.counter([&*self.service]),
            DropReason::RequestId => names::NO_REQUEST_ID.counter([&*self.service]),
            reason => names::DROPPED.counter([&self.service, reason.as_str()]),
        };
        counter.increment(1);
    }
}

/// A running run loop.
#[derive(Debug)]
pub(crate) struct Running {
    running: Gauge,
    shutdown: Counter,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.running.decrement(1.0);
        self.shutdown.increment(1);
    }
}

/// The metrics of one action of a server.
#[derive(Debug)]
pub(crate) struct ActionMeters {
    pub(crate) time: Histogram,
    pub(crate) callers: Callers,
}

impl ActionMeters {
    pub(crate) fn new(service: &Name, action: &Name) -> Self {
        Self {
            time: names::ACTION_TIME.histogram([service, action]),
            callers: Callers::new(names::SERVER_CALL, service, action),
        }
    }
}

/// The callers of one action.
#[derive(Debug)]
pub(crate) struct Callers {
    metric: Metric,
    to: Name,
    action: Name,
    program: Counter,
    known: RwLock<FxHashMap<Arc<str>, Counter>>,
}

impl Callers {
    fn new(metric: Metric, to: &Name, action: &Name) -> Self {
        Self {
            metric,
            to: to.clone(),
            action: action.clone(),
            program: metric.counter([PROGRAM, to, action]),
            known: RwLock::default(),
        }
    }

    /// Counts a call of this service, or of a program.
    pub(crate) fn count(&self, from: Option<&Arc<str>>) {
        let Some(from) = from else {
            return self.program.increment(1);
        };
        let from = label(from);
        // Nothing panics while these are held.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = known.get(from) {
            return counter.increment(1);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let from = if known.len() < MAX_LABELS {
            from
        } else {
            OTHER
        };
        let counter = known.entry(from.into());
        let new = || self.metric.counter([from, &self.to, &self.action]);
        counter.or_insert_with(new).increment(1);
    }
}

/// The metrics of a client's calls of one service.
#[derive(Debug)]
pub(crate) struct RouteMeters {
    route: Arc<RouteTotals>,
    actions: RwLock<FxHashMap<Name, Arc<CalledMeters>>>,
}

/// The totals of a route.
#[derive(Debug)]
struct RouteTotals {
    service: Name,
    pending: Gauge,
    calls: AtomicU64,
    failed: AtomicU64,
}

/// The metrics of a client's calls of one action.
#[derive(Debug)]
struct CalledMeters {
    route: Arc<RouteTotals>,
    action: Name,
    time: Timer,
    callers: Callers,
}

impl RouteMeters {
    pub(crate) fn new(service: &Name) -> Self {
        let route = RouteTotals {
            service: service.clone(),
            pending: names::PENDING.gauge([service]),
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Self {
            route: Arc::new(route),
            actions: RwLock::default(),
        }
    }

    /// Returns the number of calls, and of those that failed.
    pub(crate) fn made(&self) -> CalledRecord {
        CalledRecord {
            calls: self.route.calls.load(Ordering::Relaxed),
            failed: self.route.failed.load(Ordering::Relaxed),
        }
    }

    /// Starts a call. `None` for a job without actions, which is refused.
    pub(crate) fn call(
        &self,
        actions: &[ActionRequest],
        from: Option<&Arc<str>>,
    ) -> Option<CallMeter> {
        let mut called = actions.iter().map(|request| {
            let called = self.called(&request.action);
            called.callers.count(from);
            called
        });
        let first = called.next();
        called.for_each(drop);
        self.route.calls.fetch_add(1, Ordering::Relaxed);
        first.map(CallMeter::begin)
    }

    fn called(&self, action: &Name) -> Arc<CalledMeters> {
        let other = Name::from_static(OTHER);
        let is_short = action.len() <= MAX_LABEL_LENGTH;
        let action = if is_short { action } else { &other };
        // Nothing panics while these are held.
        let known = self.actions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(called) = known.get(action) {
            return Arc::clone(called);
        }
        drop(known);
        let mut known = self.actions.write().unwrap_or_else(PoisonError::into_inner);
        let action = match known.len() < MAX_LABELS {
            true => action.clone(),
            false => Name::from_static(OTHER),
        };
        let service = &self.route.service;
        let new = || CalledMeters {
            route: Arc::clone(&self.route),
            time: Timer::new(names::CALL_TIME.histogram([service, &action])),
            callers: Callers::new(names::CLIENT_CALL, service, &action),
            action: action.clone(),
        };
        Arc::clone(
            known
                .entry(action.clone())
                .or_insert_with(|| Arc::new(new())),
        )
    }
}

/// A pending call, until this is dropped.
#[derive(Debug)]
pub(crate) struct CallMeter {
    /// The metrics of its first action.
    called: Arc<CalledMeters>,
    /// `None` if no recorder takes times.
    since: Option<Instant>,
}

impl CallMeter {
    fn begin(called: Arc<CalledMeters>) -> Self {
        called.route.pending.increment(1.0);
        let since = called.time.begin();
        Self { called, since }
    }

    /// Ends the call. A call that its caller gives up before is not counted further.
    pub(crate) fn done(&self, error: Option<&ClientError>) {
        let called = &*self.called;
        if let Some(since) = self.since {
            called.time.end(since);
        }
        if let Some(error) = error {
            let route = &called.route;
            route.failed.fetch_add(1, Ordering::Relaxed);
            let labels = [&*route.service, &*called.action, error.kind().as_str()];
            names::CALL_ERROR.counter(labels).increment(1);
        }
    }
}

impl Drop for CallMeter {
    fn drop(&mut self) {
        self.called.route.pending.decrement(1.0);
    }
}
