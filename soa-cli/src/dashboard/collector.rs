//! The collector: the one task that looks at Redis, once in an interval, however many browsers look at the page.
//!
//! A look that fails leaves what the last one has seen, and says since when. Names of services are found by a look at all keys,
//! which takes long in a large Redis: it is done anew only when it has taken less than a twentieth of the time.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use soa_redis::{RedisMaster, service_key};
use soa_runtime::{TransportError, TransportErrorKind};

use super::flow::Counter;
use super::history::{self, Minute};
use super::kept;
use super::line::Beside;
use super::picture::{Health, Looked, Picture};
use super::shared::Dashboard;
use crate::connect::Redis;
use crate::failure::Failure;
use crate::fleet::{DEAD_KEY, Fleet, Found, is_wrong_type, no_list};
use crate::queue::now;

/// Longest time of a look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Part of the time that may be spent on the look at all keys.
const NAMES_SHARE: u32 = 20;

/// Number of questions that wait for their answers at once.
const AT_ONCE: usize = 32;

/// Number of rates that the list of services shows.
const SPARK_LENGTH: usize = 30;

/// Names that a look at all keys has found.
struct Names {
    found: Found,
    at: Instant,
    took: Duration,
}

/// The state of the collector from one look to the next.
struct Collector {
    dashboard: Arc<Dashboard>,
    names: Option<Names>,
    counter: Counter,
    /// Services whose kept history was read.
    restored: BTreeSet<Arc<str>>,
    /// The reason why the history cannot be kept.
    keeping_problem: Option<String>,
}

/// The answers of Redis at one look.
struct Read {
    fleet: Fleet,
    dead: BTreeMap<String, u64>,
    lost: BTreeMap<String, String>,
}

/// Looks again and again.
pub(super) async fn run(dashboard: Arc<Dashboard>) -> Infallible {
    let interval = dashboard.interval.as_secs_f64();
    let mut collector = Collector {
        dashboard,
        names: None,
        counter: Counter::default(),
        restored: BTreeSet::new(),
        keeping_problem: None,
    };
    let mut at = now();
    loop {
        collector.look(at).await;
        // Looks are at whole multiples of the interval, so that each has a place in the history of its own.
        let next = ((now() / interval).floor() + 1.0) * interval;
        let pause = Duration::try_from_secs_f64(next - now()).unwrap_or_default();
        tokio::time::sleep(pause).await;
        at = next;
    }
}

impl Collector {
    async fn look(&mut self, at: f64) {
        let read = tokio::time::timeout(LOOK_TIMEOUT, self.read()).await;
        let before = self.dashboard.picture();
        let problem = match read {
            Ok(Ok(read)) => {
                let looked = self.summed_up(read, at, &before.looked).await;
                let health = Health {
                    is_up: true,
                    down_since: None,
                    problem: None,
                    ..before.redis.clone()
                };
                return self.publish(health, Arc::new(looked));
            }
            Ok(Err(failure)) => failure.first_line(),
            Err(_) => format!("a look has not ended within {} s", LOOK_TIMEOUT.as_secs()),
        };
        // It may be another Redis afterwards.
        self.names = None;
        let health = Health {
            is_up: false,
            down_since: before.redis.down_since.or(Some(at)),
            problem: Some(problem),
            ..before.redis.clone()
        };
        self.publish(health, Arc::clone(&before.looked));
    }

    fn publish(&self, health: Health, looked: Arc<Looked>) {
        let picture = Picture::new(health, looked, self.dashboard.interval);
        self.dashboard.pictures.send_replace(Arc::new(picture));
    }

    /// Reads the fleet from Redis.
    async fn read(&mut self) -> Result<Read, Failure> {
        let redis = Redis::reach(self.dashboard.connection.clone()).await?;
        let masters = redis.masters().await?;
        let is_due = |names: &Names| names.at.elapsed() >= names.took * NAMES_SHARE;
        let names = match self.names.take().filter(|names| !is_due(names)) {
            Some(names) => names,
            None => {
                let at = Instant::now();
                let mut found = redis.find(&masters).await?;
                let took = at.elapsed();
                let named = self.dashboard.services.iter();
                found.services.extend(named.cloned());
                Names { found, at, took }
            }
        };
        let names = self.names.insert(names);
        let mut fleet = redis.fleet_of(&masters, &names.found, &[]).await?;
        fleet.notes.extend(redis.notes(&names.found));
        let (dead, note) = dead_letters(&redis, &masters, &names.found).await?;
        fleet.notes.extend(note);
        Ok(Read {
            fleet,
            dead,
            lost: redis.lost,
        })
    }

    /// Sums up what was read, and adds it to the history.
    async fn summed_up(&mut self, read: Read, at: f64, before: &Looked) -> Looked {
        let flows = self.counter.add(&read.fleet);
        let beside = Beside {
            dead: read.dead,
            flows,
        };
        let mut looked = Looked::new(read.fleet, at, &beside, before);
        looked.lost = read.lost;
        let minutes = {
            let mut history = self.dashboard.history();
            let services = looked.services.values().map(|seen| history::Numbers {
                name: &seen.line.name,
                point: seen.point(),
                actions: seen
                    .actions
                    .iter()
                    .map(|action| (action.name.as_str(), action.point()))
                    .collect(),
            });
            let minutes = history.add(at, services.collect());
            for seen in looked.services.values_mut() {
                seen.line.spark = history.rates(&seen.line.name, SPARK_LENGTH);
            }
            minutes
        };
        if self.dashboard.keeps_in_redis {
            let kept = tokio::time::timeout(LOOK_TIMEOUT, self.keep(&looked, &minutes, at)).await;
            self.keeping_problem = match kept {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("Redis does not answer in time".to_owned()),
            };
            let note = self.keeping_problem.as_ref();
            let note = note.map(|why| format!("the history cannot be kept in Redis: {why}"));
            looked.notes.extend(note);
        }
        looked
    }

    /// Reads what was kept of services that are new here, and keeps the minutes that are complete.
    async fn keep(
        &mut self,
        looked: &Looked,
        minutes: &[Minute],
        at: f64,
    ) -> Result<(), TransportError> {
        let keys = &self.dashboard.connection.keys();
        let names = looked.services.keys();
        let fresh = names.filter(|name| !self.restored.contains(*name));
        let fresh = fresh.cloned().collect::<Vec<_>>().into_iter();
        let asked = fresh.map(|name| async move {
            let kept = kept::read(keys, &name).await;
            (name, kept)
        });
        let mut asked = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
        while let Some((name, kept)) = asked.next().await {
            let kept = match kept {
                // One key that is foreign must not end the history of all others.
                Err(error) if is_wrong_type(&error) => history::Kept::default(),
                kept => kept?,
            };
            self.dashboard.history().restore(&name, &kept, at);
            self.restored.insert(name);
        }
        // Those of services that are gone would be kept here for ever.
        self.restored
            .retain(|name| looked.services.contains_key(name));
        let mut wrong = None;
        let written = minutes.iter().map(|minute| kept::keep(keys, minute));
        let mut written = futures_util::stream::iter(written).buffer_unordered(AT_ONCE);
        while let Some(outcome) = written.next().await {
            match outcome {
                Err(error) if is_wrong_type(&error) => wrong = Some(error),
                outcome => outcome?,
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}

/// Counts the dead letters of the services that have some, or says why it cannot.
async fn dead_letters(
    redis: &Redis,
    masters: &[RedisMaster],
    found: &Found,
) -> Result<(BTreeMap<String, u64>, Option<String>), Failure> {
    let asked = found.dead.iter().map(|name| async move {
        let count = redis.dead_letters(masters, name).await;
        (name.clone(), count)
    });
    let mut asked = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
    let mut counts = BTreeMap::new();
    let mut note = None;
    while let Some((name, count)) = asked.next().await {
        match count {
            Ok(count) => drop(counts.insert(name, count)),
            Err(error) if is_wrong_type(&error) => {
                let key = service_key(&name, DEAD_KEY);
                note = Some(no_list(&key, "sorted set of dead letters"));
            }
            Err(error) if error.kind() == TransportErrorKind::Misconfigured => {
                let note = format!("dead letters cannot be counted: {error}");
                return Ok((BTreeMap::new(), Some(note)));
            }
            Err(error) => return Err(redis.failed(&error)),
        }
    }
    Ok((counts, note))
}
