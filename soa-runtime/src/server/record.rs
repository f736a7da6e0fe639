//! The record of a server, told to its transport every two seconds.
//!
//! A transport that keeps records ([`RecordKeeper`]) has them where tools find them; over Redis that is a key with a time to
//! live. The record has numbers since the start, and those of the time just before: of the last ten to twenty seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::handle::Server;
use super::sampler::Sampler;
use super::tally::Counted;
use crate::builtin::{self, Offer};
use crate::observe::record::{ActionRecord, OTHER, WatchOrder, WorkerRecord};
use crate::transport::RecordKeeper;
use crate::wire::DropReason;

/// Time between two records.
const INTERVAL: Duration = Duration::from_secs(2);

/// Time between two deliveries of samples, while somebody watches.
const SAMPLES_INTERVAL: Duration = Duration::from_millis(200);

/// Time after which the numbers of lately begin anew. They are of the last period and of what has passed of this one.
const PERIOD: Duration = Duration::from_secs(10);

/// Time that the end of a server waits for its record to be removed.
const FORGET_TIMEOUT: Duration = Duration::from_millis(500);

/// The maximum number of actions and of called services in a record: those with the most calls. The rest is told together.
const MAX_ENTRIES: usize = 100;

/// A worker that tells. It stops when this is dropped.
pub(super) struct Telling {
    keeper: Arc<dyn RecordKeeper>,
    id: Arc<str>,
    task: JoinSet<()>,
}

impl Telling {
    /// Stops, and removes the record: the worker takes no more requests.
    pub(super) async fn end(mut self) {
        self.task.shutdown().await;
        let forgotten = self.keeper.forget(&self.id);
        // It expires by itself.
        let _ = tokio::time::timeout(FORGET_TIMEOUT, forgotten).await;
    }
}

impl Server {
    /// Begins to tell the record of this server, if it counts and if the transport keeps records.
    pub(super) fn tell_records(&self, keeper: Option<Arc<dyn RecordKeeper>>) -> Option<Telling> {
        let keeper = keeper.filter(|_| self.shared.flights.is_some())?;
        let id: Arc<str> = uuid::Uuid::new_v4().simple().to_string().into();
        let mut task = JoinSet::new();
        task.spawn({
            let (server, keeper, id) = (self.clone(), Arc::clone(&keeper), Arc::clone(&id));
            async move {
                let mut teller = Teller::new(&server);
                loop {
                    let sampler = &server.shared.sampler;
                    if let Some(record) = teller.next(&server) {
                        let told = keeper.tell(&id, record).await;
                        teller.record.is_paused = told.is_paused;
                        sampler.set(told.watch.as_deref().and_then(WatchOrder::read));
                    }
                    if sampler.is_on() {
                        sample(sampler, &*keeper).await;
                    } else {
                        tokio::time::sleep(INTERVAL).await;
                    }
                }
            }
        });
        Some(Telling { keeper, id, task })
    }
}

/// Tells samples until the next record.
async fn sample(sampler: &Sampler, keeper: &dyn RecordKeeper) {
    let until = Instant::now() + INTERVAL;
    while Instant::now() < until {
        sampler.refill(SAMPLES_INTERVAL);
        tokio::time::sleep(SAMPLES_INTERVAL).await;
        let (watcher, samples) = sampler.take();
        let samples = samples.iter().map(serde_json::to_vec);
        let samples: Vec<Bytes> = samples.flatten().map(Bytes::from).collect();
        if !samples.is_empty() {
            keeper.sampled(&watcher, samples).await;
        }
    }
}

/// A digest of the descriptions of all actions.
fn digest(offer: &Offer) -> Option<String> {
    let described = builtin::all_described(offer);
    let digest = Sha256::digest(described.bytes().ok()?);
    let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
    Some(digits.collect())
}

/// The writer of the records of one server.
struct Teller {
    /// The record with all that does not change.
    record: WorkerRecord,
    /// The numbers at the beginning of the last period, and of this one.
    bases: [Base; 2],
}

/// The numbers of all actions at the beginning of a period.
struct Base {
    at: Instant,
    actions: BTreeMap<String, Counted>,
}

impl Base {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            actions: BTreeMap::new(),
        }
    }
}

impl Teller {
    fn new(server: &Server) -> Self {
        let shared = &server.shared;
        let build = shared.offer.build_id.as_ref().map(ToString::to_string);
        Self {
            record: WorkerRecord {
                service: shared.name.to_string(),
                version: shared.version.to_string(),
                build,
                schemas: digest(&shared.offer),
                host: host(),
                pid: std::process::id(),
                started: now(),
                concurrency: shared.concurrency,
                ..WorkerRecord::default()
            },
            bases: [Base::now(), Base::now()],
        }
    }

    /// Writes the record of this moment.
    fn next(&mut self, server: &Server) -> Option<Bytes> {
        let shared = &server.shared;
        let turns = self.bases[1].at.elapsed() >= PERIOD;
        let tallies = shared.actions.iter();
        let tallies = tallies.filter_map(|(name, action)| Some((name, action.tally.as_ref()?)));
        let counted: BTreeMap<String, Counted> = tallies
            .clone()
            .map(|(name, tally)| (name.to_string(), tally.read(turns)))
            .collect();
        let dropped = DropReason::ALL.iter();
        let dropped = dropped.map(|reason| shared.stats.dropped(*reason)).sum();
        let base = &self.bases[0];
        let actions = counted.iter().map(|(name, now)| {
            let before = base.actions.get(name);
            (name.clone(), action_record(now, before))
        });
        let actions = actions.filter(|(_, action)| action.calls > 0).collect();
        let flights = shared.flights.as_ref();
        let oldest = flights.map(|flights| {
            flights.oldest(|index| tallies.clone().find(|(_, tally)| tally.has_number(index)))
        });
        let record = WorkerRecord {
            at: now(),
            running: shared.meters.running(),
            jobs: shared.stats.jobs(),
            refused: shared.stats.refused(),
            dropped,
            lately_seconds: base.at.elapsed().as_secs_f64(),
            actions: largest(actions, |action: &ActionRecord| action.calls, add_action),
            called: largest(
                shared.client().called(),
                |called| called.calls,
                |sum, called| {
                    sum.calls += called.calls;
                    sum.failed += called.failed;
                },
            ),
            oldest: oldest.unwrap_or_default(),
            ..self.record.clone()
        };
        if turns {
            let fresh = Base {
                at: Instant::now(),
                actions: counted,
            };
            self.bases[0] = std::mem::replace(&mut self.bases[1], fresh);
        }
        serde_json::to_vec(&record).ok().map(Bytes::from)
    }
}

/// The time, in seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The record of an action, from its numbers now and those before.
fn action_record(now: &Counted, before: Option<&Counted>) -> ActionRecord {
    let mut record = ActionRecord {
        calls: now.callers.values().sum(),
        errors: now.errors.clone(),
        callers: now.callers.clone(),
        shortest_patience: now.patience,
        ..ActionRecord::default()
    };
    let earlier = before.map_or(0, |before| before.all_errors);
    record.lately_errors = now.all_errors.saturating_sub(earlier);
    for (bucket, count) in (0_u8..=u8::MAX).zip(&now.times) {
        let earlier = before.and_then(|before| before.times.get(usize::from(bucket)));
        let earlier = earlier.copied().unwrap_or(0);
        record.times.add(bucket, *count);
        record.lately.add(bucket, count.saturating_sub(earlier));
    }
    record
}

fn add_action(sum: &mut ActionRecord, one: &ActionRecord) {
    sum.calls += one.calls;
    sum.lately_errors += one.lately_errors;
    sum.times.merge(&one.times);
    sum.lately.merge(&one.lately);
    for (code, count) in &one.errors {
        *sum.errors.entry(code.clone()).or_default() += count;
    }
    for (caller, count) in &one.callers {
        *sum.callers.entry(caller.clone()).or_default() += count;
    }
}

/// Keeps the entries with the most calls, and adds up the others.
fn largest<T: Default>(
    all: BTreeMap<String, T>,
    calls: impl Fn(&T) -> u64,
    add: impl Fn(&mut T, &T),
) -> BTreeMap<String, T> {
    if all.len() <= MAX_ENTRIES {
        return all;
    }
    let mut sorted: Vec<(String, T)> = all.into_iter().collect();
    sorted.sort_by_key(|(_, one)| std::cmp::Reverse(calls(one)));
    let mut others = T::default();
    for (_, one) in sorted.drain(MAX_ENTRIES - 1..) {
        add(&mut others, &one);
    }
    sorted.push((OTHER.to_owned(), others));
    sorted.into_iter().collect()
}

/// The name of this machine.
fn host() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let told = told.ok().map(|name| name.trim().to_owned());
    let told = told.filter(|name| !name.is_empty());
    let variable = || std::env::var("HOSTNAME").ok();
    told.or_else(variable)
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::record::Sketch;

    #[test]
    fn actions_beyond_the_limit_are_told_together() {
        let all: BTreeMap<String, u64> = (0..150).map(|n| (format!("a{n:03}"), n + 1)).collect();
        let kept = largest(all, |calls| *calls, |sum, one| *sum += one);
        assert_eq!(kept.len(), MAX_ENTRIES);
        assert_eq!(kept.get("a149"), Some(&150));
        assert_eq!(kept.get(OTHER), Some(&(1..=51).sum()));
    }

    #[test]
    fn lately_is_what_came_after_the_base() {
        let mut before = Counted {
            times: vec![0; 256],
            all_errors: 1,
            ..Counted::default()
        };
        before.times[10] = 4;
        let mut now = before.clone();
        now.times[10] = 6;
        now.all_errors = 3;
        let record = action_record(&now, Some(&before));
        let mut lately = Sketch::default();
        lately.add(10, 2);
        assert_eq!((record.lately, record.lately_errors), (lately, 2));
        assert_eq!(record.times.count(), 6);
    }
}
