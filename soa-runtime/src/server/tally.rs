//! The numbers of a server's record, counted where jobs run.
//!
//! A call costs a few atomic additions here, and no allocation: the names of callers and of errors are kept when they are
//! first seen, and there are few of them. Who reads the numbers meanwhile may see a call that has begun and has no time yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::message::{Name, WireError};
use crate::observe::record::{BUCKETS, FlightRecord, OTHER, PROGRAM, Sketch};

/// The number of callers, and of codes of errors, that are counted one by one for each action.
const MAX_LABELS: usize = 16;

/// The maximum length of such a name, in bytes.
const MAX_LABEL_LENGTH: usize = 64;

/// The maximum number of jobs in flight that are known one by one.
const MAX_FLIGHTS: usize = 1024;

/// The number of places that are looked at for a free one.
const PROBES: usize = 4;

/// The number of jobs in flight in a record.
const OLDEST: usize = 20;

/// The state of a place that is being filled.
const FILLING: u64 = u64::MAX;

/// The text in place of a deadline where there is none.
const NO_DEADLINE: u64 = u64::MAX;

/// Counters by names that peers choose.
#[derive(Debug, Default)]
struct Labels {
    names: [OnceLock<Box<str>>; MAX_LABELS],
    counts: [AtomicU64; MAX_LABELS],
    other: AtomicU64,
}

impl Labels {
    /// Counts a name, and returns its number.
    fn count(&self, name: &str) -> usize {
        let index = self.find(name);
        let counter = self.counts.get(index).unwrap_or(&self.other);
        counter.fetch_add(1, Ordering::Relaxed);
        index
    }

    /// The number of a name: a new one if there is room, or [`MAX_LABELS`].
    fn find(&self, name: &str) -> usize {
        if name.len() > MAX_LABEL_LENGTH {
            return MAX_LABELS;
        }
        for (index, known) in self.names.iter().enumerate() {
            if &**known.get_or_init(|| name.into()) == name {
                return index;
            }
        }
        MAX_LABELS
    }

    fn name(&self, index: usize) -> Option<&str> {
        Some(self.names.get(index)?.get()?)
    }

    fn read(&self) -> BTreeMap<String, u64> {
        let names = self.names.iter().map_while(OnceLock::get);
        let counted = names
            .zip(&self.counts)
            .map(|(name, count)| (name.to_string(), count.load(Ordering::Relaxed)));
        let other = self.other.load(Ordering::Relaxed);
        let others = (other > 0).then(|| (OTHER.to_owned(), other));
        counted.chain(others).collect()
    }

    fn sum(&self) -> u64 {
        let counts = self.counts.iter().chain([&self.other]);
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// The numbers of one action.
#[derive(Debug)]
pub(super) struct ActionTally {
    /// The number of the action among those of the server.
    index: usize,
    callers: Labels,
    errors: Labels,
    /// The number of calls by their time.
    times: Box<[AtomicU64]>,
    /// The shortest time that a caller was willing to wait, in milliseconds; 0 if none has told one.
    patience: AtomicU64,
}

/// The numbers of an action at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) callers: BTreeMap<String, u64>,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) all_errors: u64,
    pub(super) times: Vec<u64>,
    pub(super) patience: Option<u64>,
}

impl ActionTally {
    pub(super) fn new(index: usize) -> Self {
        Self {
            index,
            callers: Labels::default(),
            errors: Labels::default(),
            times: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            patience: AtomicU64::new(0),
        }
    }

    /// True if this is the action with this number.
    pub(super) fn has_number(&self, index: usize) -> bool {
        self.index == index
    }

    /// Counts a call that ends.
    pub(super) fn ended(&self, took: Duration, errors: &[WireError]) {
        let bucket = usize::from(Sketch::bucket(micros(took)));
        if let Some(counter) = self.times.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        for error in errors {
            self.errors.count(&error.code);
        }
    }

    /// Counts a call that begins, and returns the number of its caller.
    fn begun(&self, caller: Option<&Arc<str>>, patience: Option<Duration>) -> usize {
        if let Some(patience) = patience {
            let millis = u64::try_from(patience.as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            let shortest = self.patience.load(Ordering::Relaxed);
            if shortest == 0 || millis < shortest {
                self.patience.store(millis, Ordering::Relaxed);
            }
        }
        self.callers.count(caller.map_or(PROGRAM, |caller| caller))
    }

    /// Reads all numbers. The shortest patience is of the time since the last reading that forgets it.
    pub(super) fn read(&self, forgets: bool) -> Counted {
        let patience = match forgets {
            true => self.patience.swap(0, Ordering::Relaxed),
            false => self.patience.load(Ordering::Relaxed),
        };
        let times = self.times.iter();
        Counted {
            callers: self.callers.read(),
            errors: self.errors.read(),
            all_errors: self.errors.sum(),
            times: times.map(|count| count.load(Ordering::Relaxed)).collect(),
            patience: (patience > 0).then_some(patience),
        }
    }
}

/// The jobs in flight: a table of places, each of which one action that runs may hold.
#[derive(Debug)]
pub(super) struct Flights {
    epoch: Instant,
    next: AtomicUsize,
    places: Box<[Place]>,
}

#[derive(Debug, Default)]
struct Place {
    /// 0 if it is free; otherwise the time of the beginning in microseconds since the epoch, and 1.
    begun: AtomicU64,
    action: AtomicUsize,
    caller: AtomicUsize,
    /// The deadline in microseconds since the epoch.
    deadline: AtomicU64,
}

impl Flights {
    pub(super) fn new(concurrency: usize) -> Self {
        let count = concurrency.saturating_mul(2).next_power_of_two();
        let count = count.clamp(PROBES, MAX_FLIGHTS);
        Self {
            epoch: Instant::now(),
            next: AtomicUsize::new(0),
            places: (0..count).map(|_| Place::default()).collect(),
        }
    }

    /// Counts an action that begins. It flies until the returned value is dropped.
    pub(super) fn begin(
        &self,
        tally: &ActionTally,
        caller: Option<&Arc<str>>,
        since: Instant,
        deadline: Option<tokio::time::Instant>,
        patience: Option<Duration>,
    ) -> Flight<'_> {
        let caller = tally.begun(caller, patience);
        let begun = micros(since.saturating_duration_since(self.epoch)).saturating_add(1);
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let order = Ordering::Relaxed;
        for probe in 0..PROBES {
            let index = first.wrapping_add(probe) % self.places.len().max(1);
            let Some(place) = self.places.get(index) else {
                break;
            };
            let taken = place.begun.compare_exchange(0, FILLING, order, order);
            if taken.is_ok() {
                let deadline = deadline.map_or(NO_DEADLINE, |deadline| {
                    micros(deadline.into_std().saturating_duration_since(self.epoch))
                });
                place.action.store(tally.index, order);
                place.caller.store(caller, order);
                place.deadline.store(deadline, order);
                place.begun.store(begun, Ordering::Release);
                return Flight(Some(place));
            }
        }
        Flight(None)
    }

    /// The oldest jobs in flight, of actions that are named by their numbers.
    pub(super) fn oldest<'a>(
        &self,
        action: impl Fn(usize) -> Option<(&'a Name, &'a ActionTally)>,
    ) -> Vec<FlightRecord> {
        let now = micros(self.epoch.elapsed());
        let mut flying = Vec::new();
        for place in &self.places {
            let begun = place.begun.load(Ordering::Acquire);
            if begun == 0 || begun == FILLING {
                continue;
            }
            let order = Ordering::Relaxed;
            let (index, caller) = (place.action.load(order), place.caller.load(order));
            flying.push((begun, index, caller, place.deadline.load(order)));
        }
        flying.sort_unstable();
        let records = flying.into_iter().take(OLDEST).filter_map(|found| {
            let (begun, index, caller, deadline) = found;
            let (name, tally) = action(index)?;
            let caller = match caller {
                MAX_LABELS => Some(OTHER),
                caller => tally.callers.name(caller).filter(|name| *name != PROGRAM),
            };
            let left = (deadline != NO_DEADLINE).then(|| {
                let signed = |micros: u64| i64::try_from(micros / 1_000).unwrap_or(i64::MAX);
                signed(deadline) - signed(now)
            });
            Some(FlightRecord {
                action: name.to_string(),
                caller: caller.map(str::to_owned),
                running_for: now.saturating_sub(begun - 1) / 1_000,
                left,
            })
        });
        records.collect()
    }
}

/// An action in flight, until this is dropped.
#[derive(Debug)]
pub(super) struct Flight<'a>(Option<&'a Place>);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.begun.store(0, Ordering::Release);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_beyond_the_limit_and_long_ones_are_counted_together() {
        let tally = ActionTally::new(0);
        for number in 0..MAX_LABELS + 5 {
            let caller: Arc<str> = format!("service-{number}").into();
            tally.begun(Some(&caller), None);
        }
        let long: Arc<str> = "x".repeat(MAX_LABEL_LENGTH + 1).into();
        tally.begun(Some(&long), None);
        let counted = tally.read(false);
        assert_eq!(counted.callers.len(), MAX_LABELS + 1);
        assert_eq!(counted.callers.get(OTHER), Some(&6));
        assert_eq!(counted.callers.get("service-0"), Some(&1));
    }

    #[test]
    fn the_oldest_jobs_in_flight_are_known_with_action_caller_and_time_left() {
        let flights = Flights::new(64);
        let (find, add) = (Name::from("find"), Name::from("add"));
        let tallies = [ActionTally::new(0), ActionTally::new(1)];
        let named = |index| match index {
            0 => Some((&find, &tallies[0])),
            1 => Some((&add, &tallies[1])),
            _ => None,
        };
        let caller: Arc<str> = "shop".into();
        let now = Instant::now();
        let deadline = tokio::time::Instant::from_std(now + Duration::from_secs(5));
        let young = flights.begin(
            &tallies[1],
            None,
            now + Duration::from_millis(1),
            None,
            None,
        );
        let old = flights.begin(&tallies[0], Some(&caller), now, Some(deadline), None);
        let oldest = flights.oldest(named);
        let seen: Vec<_> = oldest
            .iter()
            .map(|flight| {
                (
                    &*flight.action,
                    flight.caller.as_deref(),
                    flight.left.is_some(),
                )
            })
            .collect();
        assert_eq!(seen, [("find", Some("shop"), true), ("add", None, false)]);
        drop(old);
        assert_eq!(flights.oldest(named).len(), 1);
        drop(young);
        assert!(flights.oldest(named).is_empty());
    }

    #[test]
    fn more_jobs_than_places_are_counted_and_not_shown() {
        let flights = Flights::new(1);
        let tally = ActionTally::new(0);
        let name = Name::from("find");
        let now = Instant::now();
        let flying: Vec<_> = (0..50)
            .map(|_| flights.begin(&tally, None, now, None, None))
            .collect();
        assert_eq!(flights.oldest(|_| Some((&name, &tally))).len(), PROBES);
        assert_eq!(tally.read(false).callers.get(PROGRAM), Some(&50));
        drop(flying);
        assert!(flights.oldest(|_| Some((&name, &tally))).is_empty());
    }
}
