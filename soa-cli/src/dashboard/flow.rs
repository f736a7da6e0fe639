//! Rates of calls between services.
//!
//! Workers tell the number of calls since they started. Two records of one worker tell a rate, so that a worker that starts or
//! ends changes no rate by what it has counted before.

use std::collections::{BTreeMap, HashMap};

use soa_runtime::observe::record::WorkerRecord;

use crate::fleet::Fleet;
use crate::graph::shown_caller;
use crate::services::count;

/// Calls a second from one service to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flow {
    pub(super) rate: f64,
    /// Calls a second that failed, as far as the caller tells.
    pub(super) failed: f64,
}

/// The rates of calls, by caller and service.
pub(super) type Flows = BTreeMap<(String, String), Flow>;

/// The counts of a worker, and the rates that followed.
#[derive(Debug, Default)]
struct Told {
    at: f64,
    callers: BTreeMap<String, u64>,
    /// Calls and failed ones, by service.
    called: BTreeMap<String, (u64, u64)>,
    flows: Flows,
    has_rates: bool,
}

/// The last records of all workers.
#[derive(Debug, Default)]
pub(super) struct Counter {
    workers: HashMap<(String, String), Told>,
}

impl Counter {
    /// Adds the records of a look, and returns the rates. A pair of services without a rate yet is not among them.
    pub(super) fn add(&mut self, fleet: &Fleet) -> Flows {
        let mut before = std::mem::take(&mut self.workers);
        let mut all = Flows::new();
        for (name, service) in &fleet.services {
            for worker in &service.workers {
                let key = (name.clone(), worker.id.clone());
                let told = match before.remove(&key) {
                    // It has not told anything new.
                    Some(told) if told.at >= worker.record.at => told,
                    before => after(name, &worker.record, before.as_ref(), fleet),
                };
                if told.has_rates {
                    for (pair, flow) in &told.flows {
                        let sum = all.entry(pair.clone()).or_default();
                        sum.rate += flow.rate;
                        sum.failed += flow.failed;
                    }
                }
                self.workers.insert(key, told);
            }
        }
        all
    }
}

fn after(name: &str, record: &WorkerRecord, before: Option<&Told>, fleet: &Fleet) -> Told {
    let mut told = Told {
        at: record.at,
        has_rates: before.is_some(),
        ..Told::default()
    };
    for action in record.actions.values() {
        for (caller, calls) in &action.callers {
            let sum = told.callers.entry(caller.clone()).or_default();
            *sum = sum.saturating_add(*calls);
        }
    }
    for (service, made) in &record.called {
        told.called
            .insert(service.clone(), (made.calls, made.failed));
    }
    let Some(before) = before else {
        return told;
    };
    let seconds = (record.at - before.at).max(0.001);
    let rate = |now: u64, before: u64| count(now.saturating_sub(before)) / seconds;
    for (caller, calls) in &told.callers {
        let earlier = before.callers.get(caller).copied().unwrap_or(0);
        let pair = (shown_caller(caller).to_owned(), name.to_owned());
        told.flows.entry(pair).or_default().rate += rate(*calls, earlier);
    }
    for (service, (calls, failed)) in &told.called {
        let earlier = before.called.get(service).copied().unwrap_or_default();
        let tells = fleet.services.get(service);
        let tells = tells.is_some_and(|called| !called.workers.is_empty());
        let flow = told
            .flows
            .entry((name.to_owned(), service.clone()))
            .or_default();
        flow.failed += rate(*failed, earlier.1);
        // As in the graph: a service that counts its callers knows better.
        if !tells {
            flow.rate += rate(*calls, earlier.0);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use soa_runtime::observe::record::{ActionRecord, CalledRecord};

    use super::*;
    use crate::fleet::{Service, Worker};

    fn fleet(workers: &[(&str, f64, u64)]) -> Fleet {
        let workers = workers.iter().map(|(id, at, calls)| {
            let mut record = WorkerRecord {
                at: *at,
                ..WorkerRecord::default()
            };
            let mut action = ActionRecord::default();
            action.callers.insert("shop".to_owned(), *calls);
            record.actions.insert("find".to_owned(), action);
            let made = CalledRecord {
                calls: *calls,
                failed: calls / 2,
            };
            record.called.insert("users".to_owned(), made);
            Worker {
                id: (*id).to_owned(),
                record,
            }
        });
        let service = Service {
            workers: workers.collect(),
            ..Service::default()
        };
        Fleet {
            services: BTreeMap::from([("books".to_owned(), service)]),
            ..Fleet::default()
        }
    }

    fn rates(flows: &Flows) -> Vec<(&str, f64, f64)> {
        let flows = flows.iter();
        flows
            .map(|((from, _), flow)| (from.as_str(), flow.rate, flow.failed))
            .collect()
    }

    #[test]
    fn two_records_of_a_worker_tell_a_rate_and_a_new_worker_changes_none() {
        let mut counter = Counter::default();
        assert!(counter.add(&fleet(&[("a", 10.0, 100)])).is_empty());
        let flows = counter.add(&fleet(&[("a", 12.0, 120), ("b", 12.0, 5_000)]));
        assert_eq!(rates(&flows), [("books", 10.0, 5.0), ("shop", 10.0, 0.0)]);
        // The same record once more has the same rate, and one that began anew has none below zero.
        let flows = counter.add(&fleet(&[("a", 12.0, 120), ("b", 13.0, 4_000)]));
        assert_eq!(rates(&flows), [("books", 10.0, 5.0), ("shop", 10.0, 0.0)]);
        assert!(counter.add(&fleet(&[])).is_empty());
        assert!(counter.workers.is_empty());
    }
}
