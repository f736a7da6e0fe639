//! The picture of the fleet: what one look has seen, summed up, as the page gets it.
//!
//! ```text
//! Fleet (records of all workers) → Looked (lines) → Picture (with the state of Redis) → JSON
//! ```
//!
//! The records themselves are dropped once they are summed up.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::answer::{Refusal, written};
use super::flow::Flows;
use super::line::{Beside, Line, Seen, State};
use super::number::short;
use crate::check::Severity;
use crate::fleet::Fleet;
use crate::graph::{Graph, OTHERS, PROGRAMS};

/// Largest number of services of an answer.
const MAX_SERVICES: usize = 1_000;

/// Largest number of edges of the graph.
const MAX_EDGES: usize = 5_000;

/// Redis, as the looks find it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Health {
    pub(super) address: String,
    pub(super) is_up: bool,
    pub(super) down_since: Option<f64>,
    pub(super) problem: Option<String>,
}

/// The numbers that the page gets.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) redis: Health,
    /// The last look that succeeded.
    pub(super) looked: Arc<Looked>,
    interval_seconds: f64,
    /// The answer with the fleet, once somebody has asked for it.
    fleet: OnceLock<Bytes>,
}

impl Picture {
    pub(super) fn new(redis: Health, looked: Arc<Looked>, interval: Duration) -> Self {
        Self {
            redis,
            looked,
            interval_seconds: interval.as_secs_f64(),
            fleet: OnceLock::new(),
        }
    }

    /// The fleet as JSON, which is written once for all who ask.
    pub(super) fn fleet(&self) -> Result<Bytes, Refusal> {
        if let Some(known) = self.fleet.get() {
            return Ok(known.clone());
        }
        let looked = &*self.looked;
        let fleet = FleetAnswer {
            at: looked.at,
            interval_seconds: self.interval_seconds,
            redis: &self.redis,
            notes: &looked.notes,
            totals: &looked.totals,
            services: looked.services.values().map(|seen| &seen.line).collect(),
            services_left_off: looked.services_left_off,
        };
        let text = written(&fleet)?;
        Ok(self.fleet.get_or_init(|| text).clone())
    }

    /// Returns the state of a service at the last look.
    pub(super) fn seen(&self, service: &str) -> Result<&Seen, Refusal> {
        self.looked.services.get(service).ok_or_else(|| {
            Refusal::not_found(format!("nothing in Redis tells of `{service}`"))
                .advise("it is seen once it has a worker, a caller or a request that waits; `--service NAME` shows it all the same")
        })
    }
}

#[derive(Serialize)]
struct FleetAnswer<'a> {
    at: Option<f64>,
    interval_seconds: f64,
    redis: &'a Health,
    notes: &'a [String],
    totals: &'a Totals,
    services: Vec<&'a Line>,
    services_left_off: usize,
}

/// The sums of all services.
#[derive(Debug, Default, Serialize)]
struct Totals {
    services: usize,
    workers: usize,
    in_flight: usize,
    concurrency: usize,
    depth: u64,
    rate: f64,
    rate_errors: f64,
    dead_letters: u64,
    errors: usize,
    warnings: usize,
}

/// The fleet at one look.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) at: Option<f64>,
    pub(super) notes: Vec<String>,
    pub(super) services: BTreeMap<Arc<str>, Seen>,
    services_left_off: usize,
    totals: Totals,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<EdgeLine>,
    pub(super) edges_left_off: usize,
    /// Masters that could not be reached, with the reason.
    pub(super) lost: BTreeMap<String, String>,
}

/// A node of the graph.
#[derive(Debug, Serialize)]
pub(super) struct Node {
    name: String,
    kind: &'static str,
    state: Option<State>,
    rate: Option<f64>,
    rate_errors: Option<f64>,
}

/// An edge of the graph.
#[derive(Debug, Serialize)]
pub(super) struct EdgeLine {
    from: String,
    to: String,
    calls: u64,
    failed: u64,
    rate: Option<f64>,
    rate_failed: Option<f64>,
}

impl Looked {
    /// Sums a fleet up.
    pub(super) fn new(fleet: Fleet, at: f64, beside: &Beside, before: &Self) -> Self {
        let graph = Graph::of(&fleet);
        let mut looked = Self {
            at: Some(at),
            notes: fleet.notes,
            services_left_off: fleet.services.len().saturating_sub(MAX_SERVICES),
            ..Self::default()
        };
        let mut services: Vec<_> = fleet.services.into_iter().collect();
        if services.len() > MAX_SERVICES {
            // Those of which only a name is known are left out first.
            services.sort_by_key(|(_, known)| known.workers.is_empty() && known.queue.depth == 0);
        }
        for (name, service) in services.into_iter().take(MAX_SERVICES) {
            let earlier = before.services.get(&*name);
            let earlier = earlier.and_then(|seen| Some((seen.line.depth, at - before.at?)));
            let seen = Seen::new(&name, service, beside, earlier);
            looked.services.insert(Arc::clone(&seen.line.name), seen);
        }
        looked.sum_up();
        looked.draw(&graph, &beside.flows);
        looked
    }

    fn sum_up(&mut self) {
        let totals = &mut self.totals;
        totals.services = self.services.len() + self.services_left_off;
        for line in self.services.values().map(|seen| &seen.line) {
            totals.workers += line.workers;
            totals.in_flight = totals.in_flight.saturating_add(line.in_flight);
            totals.concurrency = totals.concurrency.saturating_add(line.concurrency);
            totals.depth = totals.depth.saturating_add(line.depth);
            totals.rate += line.rate.unwrap_or(0.0);
            totals.rate_errors += line.rate_errors.unwrap_or(0.0);
            totals.dead_letters += line.dead_letters;
            for problem in &line.problems {
                totals.errors += usize::from(problem.severity == Severity::Error.word());
                totals.warnings += usize::from(problem.severity == Severity::Warning.word());
            }
        }
        totals.rate = short(totals.rate);
        totals.rate_errors = short(totals.rate_errors);
    }

    fn draw(&mut self, graph: &Graph, flows: &Flows) {
        let mut edges: Vec<EdgeLine> = graph
            .edges
            .iter()
            .map(|((from, to), edge)| {
                let flow = flows.get(&(from.clone(), to.clone()));
                EdgeLine {
                    from: from.clone(),
                    to: to.clone(),
                    calls: edge.calls,
                    failed: edge.failed,
                    rate: flow.map(|flow| short(flow.rate)),
                    rate_failed: flow.map(|flow| short(flow.failed)),
                }
            })
            .collect();
        edges.sort_by_key(|edge| Reverse(edge.calls));
        self.edges_left_off = edges.len().saturating_sub(MAX_EDGES);
        edges.truncate(MAX_EDGES);
        let mut names: BTreeSet<&str> = self.services.keys().map(|name| &**name).collect();
        for edge in &edges {
            names.extend([edge.from.as_str(), edge.to.as_str()]);
        }
        let nodes = names.into_iter().map(|name| {
            let line = self.services.get(name).map(|seen| &seen.line);
            Node {
                name: name.to_owned(),
                kind: match name {
                    PROGRAMS => "programs",
                    OTHERS => "others",
                    _ => "service",
                },
                state: line.map(|line| line.state),
                rate: line.and_then(|line| line.rate),
                rate_errors: line.and_then(|line| line.rate_errors),
            }
        });
        self.nodes = nodes.collect();
        self.edges = edges;
    }
}
