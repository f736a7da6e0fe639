//! The numbers of the past, in rings of bounded size: the last minutes by each look, an hour by 15 s, and a day by minutes.
//!
//! ```text
//! look → Ring of looks
//!      → Merge of 15 s  → Ring of an hour
//!      → Merge of 1 min → Ring of a day   → Redis, with --keep-in-redis
//! ```
//!
//! A day of a service is 29 KB so, and that of an action 18 KB.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::number::shorter;
use super::ring::{Point, Ring};

/// Span of the ring of looks.
const LOOKS_SPAN: Duration = Duration::from_secs(5 * 60);

/// Seconds between two points of the coarser rings, and the numbers of their points.
const STEPS: [(u32, usize); 2] = [(15, 240), (60, 1_440)];

/// Seconds between two points that are kept in Redis: those of the coarsest ring.
pub(super) const MINUTE: u32 = STEPS[1].0;

/// Number of points of a day.
pub(super) const DAY: usize = STEPS[1].1;

/// Largest number of services with a history.
const MAX_SERVICES: usize = 1_000;

/// Largest number of actions with a history, of all services.
const MAX_ACTIONS: usize = 2_000;

/// Number of numbers of a service.
pub(super) const OF_SERVICE: usize = COLUMNS.len();

/// Number of numbers of an action: those of the queue are of its service alone.
pub(super) const OF_ACTION: usize = 5;

/// The rule by which points become one coarser point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Mean,
    /// The mean, weighted by the first column, which is the rate.
    WeightedMean,
    Largest,
}

/// The columns: their names, and the rules of their coarser points.
const COLUMNS: [(&str, Rule); 8] = [
    ("rate", Rule::Mean),
    ("rate_errors", Rule::Mean),
    ("p50_ms", Rule::WeightedMean),
    ("p95_ms", Rule::Largest),
    ("p99_ms", Rule::Largest),
    ("in_flight", Rule::Mean),
    ("depth", Rule::Mean),
    ("age_seconds", Rule::Largest),
];

/// Points that become one.
#[derive(Debug)]
struct Merge<const N: usize> {
    slot: u64,
    sums: [f64; N],
    weights: [f64; N],
}

impl<const N: usize> Merge<N> {
    fn new() -> Self {
        Self {
            slot: 0,
            sums: [0.0; N],
            weights: [0.0; N],
        }
    }

    /// Adds a point. Returns the finished one of the slot before, if this is of another.
    fn add(&mut self, slot: u64, point: &Point<N>) -> Option<(u64, Point<N>)> {
        let finished = (slot != self.slot).then(|| (self.slot, self.point()));
        if finished.is_some() {
            *self = Self {
                slot,
                ..Self::new()
            };
        }
        let rate = point.first().copied().flatten().unwrap_or(0.0);
        let places = self.sums.iter_mut().zip(&mut self.weights);
        for (((sum, weight), number), (_, rule)) in places.zip(point).zip(COLUMNS) {
            let Some(number) = number else { continue };
            match rule {
                Rule::Mean => {
                    *sum += number;
                    *weight += 1.0;
                }
                Rule::WeightedMean => {
                    // Times without a rate are of calls that ended before the look.
                    let calls = rate.max(0.001);
                    *sum += number * calls;
                    *weight += calls;
                }
                Rule::Largest => {
                    *sum = sum.max(*number);
                    *weight = 1.0;
                }
            }
        }
        finished.filter(|(_, point)| point.iter().any(Option::is_some))
    }

    fn point(&self) -> Point<N> {
        let mut point = [None; N];
        for ((number, sum), weight) in point.iter_mut().zip(&self.sums).zip(&self.weights) {
            *number = (*weight > 0.0).then(|| sum / weight);
        }
        point
    }
}

/// The history of a service or an action.
#[derive(Debug)]
struct Series<const N: usize> {
    looks: Ring<N>,
    coarse: [(Merge<N>, Ring<N>); 2],
}

impl<const N: usize> Series<N> {
    fn new(looks: usize) -> Self {
        Self {
            looks: Ring::new(looks),
            coarse: STEPS.map(|(_, capacity)| (Merge::new(), Ring::new(capacity))),
        }
    }

    /// Adds what a look has seen. Returns the minute that is complete with it.
    fn add(&mut self, look: u64, at: u64, point: &Point<N>) -> Option<(u64, Point<N>)> {
        self.looks.push(look, point);
        let mut minute = None;
        for ((merge, ring), (step, _)) in self.coarse.iter_mut().zip(STEPS) {
            let finished = merge.add(at / u64::from(step), point);
            if let Some((slot, point)) = &finished {
                ring.push(*slot, point);
            }
            minute = finished;
        }
        minute
    }

    /// The minute of the last point.
    fn last_minute(&self) -> u64 {
        let (merge, day) = &self.coarse[1];
        merge.slot.max(day.next.saturating_sub(1))
    }

    /// Adds minutes of the last day that were kept elsewhere, the oldest first, before all others. The rest is left out: a minute
    /// of the future would keep out all that are to come.
    fn restore(&mut self, minutes: &[(u64, Point<N>)], this: u64) {
        let day = &mut self.coarse[1].1;
        let known: Vec<_> = day.told().collect();
        let mut restored = Ring::new(DAY);
        let oldest = this.saturating_sub(u64::try_from(DAY).unwrap_or(0));
        let minutes = minutes.iter();
        let minutes = minutes.filter(|(slot, _)| (oldest..=this).contains(slot));
        for (slot, point) in minutes.chain(&known) {
            restored.push(*slot, point);
        }
        *day = restored;
    }
}

#[derive(Debug)]
struct OfService {
    series: Series<OF_SERVICE>,
    actions: HashMap<Arc<str>, Series<OF_ACTION>>,
}

/// The numbers of a service at one look, and those of its actions.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    pub(super) name: &'a Arc<str>,
    pub(super) point: Point<OF_SERVICE>,
    pub(super) actions: Vec<(&'a str, Point<OF_ACTION>)>,
}

/// A minute of a service that is complete.
#[derive(Clone, Debug)]
pub(super) struct Minute {
    pub(super) service: Arc<str>,
    pub(super) slot: u64,
    pub(super) point: Point<OF_SERVICE>,
    pub(super) actions: Vec<(Arc<str>, Point<OF_ACTION>)>,
}

/// Minutes of a service that were kept elsewhere, and those of its actions, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) minutes: Vec<(u64, Point<OF_SERVICE>)>,
    pub(super) actions: BTreeMap<String, Vec<(u64, Point<OF_ACTION>)>>,
}

/// The history of all services.
#[derive(Debug)]
pub(super) struct History {
    /// Time between two looks.
    interval: Duration,
    services: HashMap<Arc<str>, OfService>,
    actions: usize,
}

/// The span of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Minutes,
    Hour,
    Day,
}

impl Span {
    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "5m" => Some(Self::Minutes),
            "1h" => Some(Self::Hour),
            "1d" => Some(Self::Day),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Minutes => "5m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }
}

impl History {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            services: HashMap::new(),
            actions: 0,
        }
    }

    fn looks(&self) -> usize {
        let looks = LOOKS_SPAN.as_millis() / self.interval.as_millis().max(1);
        usize::try_from(looks).unwrap_or(1).max(1)
    }

    /// Adds what a look has seen, at a time in seconds since 1970. Returns the minutes that are complete with it.
    pub(super) fn add(&mut self, at: f64, services: Vec<Numbers<'_>>) -> Vec<Minute> {
        let interval = self.interval.as_secs_f64();
        let (look, seconds) = (slot(at / interval), slot(at));
        let looks = self.looks();
        let mut minutes = Vec::new();
        for looked in services {
            if !self.services.contains_key(looked.name) {
                if self.services.len() >= MAX_SERVICES {
                    continue;
                }
                let fresh = OfService {
                    series: Series::new(looks),
                    actions: HashMap::new(),
                };
                self.services.insert(Arc::clone(looked.name), fresh);
            }
            let Some(service) = self.services.get_mut(looked.name) else {
                continue;
            };
            let finished = service.series.add(look, seconds, &looked.point);
            let mut finished_actions = Vec::new();
            for (name, point) in looked.actions {
                if !service.actions.contains_key(name) {
                    if self.actions >= MAX_ACTIONS {
                        continue;
                    }
                    self.actions += 1;
                    service.actions.insert(name.into(), Series::new(looks));
                }
                if let Some(series) = service.actions.get_mut(name) {
                    let finished = series.add(look, seconds, &point);
                    finished_actions.extend(finished.map(|(_, point)| (name.into(), point)));
                }
            }
            minutes.extend(finished.map(|(slot, point)| Minute {
                service: Arc::clone(looked.name),
                slot,
                point,
                actions: finished_actions,
            }));
        }
        if !minutes.is_empty() {
            self.forget(seconds / u64::from(MINUTE));
        }
        minutes
    }

    /// Forgets what was not seen for a day.
    fn forget(&mut self, minute: u64) {
        let oldest = minute.saturating_sub(u64::try_from(DAY).unwrap_or(0));
        for service in self.services.values_mut() {
            service
                .actions
                .retain(|_, series| series.last_minute() >= oldest);
        }
        self.services
            .retain(|_, service| service.series.last_minute() >= oldest);
        let actions = self.services.values().map(|service| service.actions.len());
        self.actions = actions.sum();
    }

    /// Adds what was kept elsewhere of a service that is known.
    pub(super) fn restore(&mut self, service: &str, kept: &Kept, now: f64) {
        let looks = self.looks();
        let Some(service) = self.services.get_mut(service) else {
            return;
        };
        let this = slot(now) / u64::from(MINUTE);
        service.series.restore(&kept.minutes, this);
        for (name, minutes) in &kept.actions {
            if !service.actions.contains_key(&**name) {
                if self.actions >= MAX_ACTIONS {
                    continue;
                }
                self.actions += 1;
                let fresh = Series::new(looks);
                service.actions.insert(name.as_str().into(), fresh);
            }
            if let Some(series) = service.actions.get_mut(&**name) {
                series.restore(minutes, this);
            }
        }
    }

    /// The last rates of a service, the oldest first.
    pub(super) fn rates(&self, service: &str, count: usize) -> Vec<Option<f64>> {
        let Some(service) = self.services.get(service) else {
            return Vec::new();
        };
        let points = &service.series.looks.points;
        let left_out = points.len().saturating_sub(count);
        let rates = points.iter().skip(left_out);
        rates.map(|point| point[0].get().map(shorter)).collect()
    }

    /// The history of a service, in columns. `None` if it has none.
    pub(super) fn of_service(&self, service: &str, span: Span, now: f64) -> Option<Json> {
        let service = self.services.get(service)?;
        Some(self.columns(&service.series, span, now))
    }

    /// The history of an action, in columns. Empty if it has none.
    pub(super) fn of_action(&self, service: &str, action: &str, span: Span, now: f64) -> Json {
        let service = self.services.get(service);
        match service.and_then(|service| service.actions.get(action)) {
            Some(series) => self.columns(series, span, now),
            None => self.columns(&Series::<OF_ACTION>::new(0), span, now),
        }
    }

    fn columns<const N: usize>(&self, series: &Series<N>, span: Span, now: f64) -> Json {
        let [hour, day] = &series.coarse;
        let [(quarter, of_hour), (minute, of_day)] = STEPS;
        let (ring, step, count) = match span {
            Span::Minutes => (&series.looks, self.interval.as_secs_f64(), self.looks()),
            Span::Hour => (&hour.1, f64::from(quarter), of_hour),
            Span::Day => (&day.1, f64::from(minute), of_day),
        };
        let count = u32::try_from(count).unwrap_or(0);
        let from = now - f64::from(count) * step;
        let mut times = Vec::new();
        let mut columns: [Vec<Json>; N] = std::array::from_fn(|_| Vec::new());
        for (slot, point) in ring.told() {
            let time = seconds(slot) * step;
            if time < from {
                continue;
            }
            times.push(json!(time));
            for (column, number) in columns.iter_mut().zip(point) {
                column.push(json!(number.map(shorter)));
            }
        }
        let mut told = Map::new();
        told.insert("span".to_owned(), span.word().into());
        told.insert("step_seconds".to_owned(), json!(step));
        told.insert("from".to_owned(), json!(from));
        told.insert("to".to_owned(), json!(now));
        told.insert("time".to_owned(), times.into());
        for ((name, _), column) in COLUMNS.iter().zip(columns) {
            told.insert((*name).to_owned(), column.into());
        }
        Json::Object(told)
    }
}

/// The whole part of a time, to the nearest: a look is a bit late at times.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time after 1970 is positive and small"
)]
fn slot(time: f64) -> u64 {
    (time + 0.25).floor().max(0.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "a slot is far below 2^53")]
fn seconds(slot: u64) -> f64 {
    slot as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(rate: f64, p50: f64, age: f64) -> Point<OF_SERVICE> {
        let p = Some(p50);
        [
            Some(rate),
            Some(0.0),
            p,
            p,
            p,
            Some(1.0),
            Some(0.0),
            Some(age),
        ]
    }

    fn add(history: &mut History, at: f64, point: Point<OF_SERVICE>) -> Vec<Minute> {
        let name: Arc<str> = "books".into();
        let actions = vec![("find", [Some(1.0), None, None, None, None])];
        let looked = Numbers {
            name: &name,
            point,
            actions,
        };
        history.add(at, vec![looked])
    }

    fn column(told: &Json, name: &str) -> Vec<f64> {
        let column = told[name].as_array().unwrap().iter();
        column.map(|number| number.as_f64().unwrap()).collect()
    }

    #[test]
    fn coarser_points_are_means_and_largest_ones() {
        let mut history = History::new(Duration::from_secs(2));
        let begin = 1_000_000_000.0 * 60.0;
        assert!(add(&mut history, begin, point(1.0, 10.0, 3.0)).is_empty());
        assert!(add(&mut history, begin + 2.0, point(3.0, 20.0, 1.0)).is_empty());
        let minutes = add(&mut history, begin + 60.0, point(9.0, 9.0, 9.0));
        let [minute] = &minutes[..] else {
            panic!("{minutes:?}")
        };
        assert_eq!(minute.slot, 1_000_000_000);
        assert_eq!(minute.point[0], Some(2.0));
        assert_eq!(minute.point[2], Some(17.5));
        assert_eq!((minute.point[3], minute.point[7]), (Some(20.0), Some(3.0)));
        let told = history
            .of_service("books", Span::Day, begin + 121.0)
            .unwrap();
        assert_eq!(column(&told, "time"), [begin]);
        assert_eq!(column(&told, "rate"), [2.0]);
        let told = history
            .of_service("books", Span::Minutes, begin + 61.0)
            .unwrap();
        assert_eq!(column(&told, "rate"), [1.0, 3.0, 9.0]);
        assert!(history.of_service("users", Span::Day, begin).is_none());
        let told = history.of_action("books", "sell", Span::Day, begin);
        assert!(column(&told, "rate").is_empty());
    }

    #[test]
    fn two_days_take_the_room_of_one_and_what_is_gone_for_a_day_is_forgotten() {
        let mut history = History::new(Duration::from_secs(10));
        let begin = 1_000_000_020.0;
        for look in 0..17_280 {
            add(
                &mut history,
                begin + f64::from(look) * 10.0,
                point(1.0, 1.0, 1.0),
            );
        }
        let series = &history.services["books"].series;
        let lengths =
            [&series.looks, &series.coarse[0].1, &series.coarse[1].1].map(|ring| ring.points.len());
        assert_eq!(lengths, [30, 240, 1_440]);
        assert_eq!(series.coarse[1].1.points.capacity(), 1_440);
        let other: Arc<str> = "users".into();
        for later in [200_000.0, 200_061.0] {
            let looked = Numbers {
                name: &other,
                point: point(1.0, 1.0, 1.0),
                actions: Vec::new(),
            };
            history.add(begin + 172_800.0 + later, vec![looked]);
        }
        assert_eq!(history.services.len(), 1);
        assert_eq!(history.actions, 0);
    }

    /// The bytes of all points that there is room for.
    fn room<const N: usize>(series: &Series<N>) -> usize {
        let [hour, day] = &series.coarse;
        let rings = [&series.looks, &hour.1, &day.1];
        let points: usize = rings.iter().map(|ring| ring.points.capacity()).sum();
        points * std::mem::size_of::<[u16; N]>()
    }

    #[test]
    fn a_day_of_a_service_takes_29_kilobytes_and_one_of_an_action_18() {
        let mut history = History::new(Duration::from_secs(2));
        let mut at = 60_000_000_000.0;
        for look in 0..1_700 {
            at += if look < 200 { 2.0 } else { 60.0 };
            add(&mut history, at, point(1.0, 1.0, 1.0));
        }
        let service = &history.services["books"];
        assert_eq!(room(&service.series), 29_280);
        assert_eq!(room(&service.actions["find"]), 18_300);
    }

    #[test]
    fn names_without_end_take_no_room_without_end() {
        let mut history = History::new(Duration::from_secs(2));
        for number in 0..3_000 {
            let name: Arc<str> = format!("service-{number}").into();
            let action = format!("action-{number}");
            let looked = |action| Numbers {
                name: &name,
                point: point(1.0, 1.0, 1.0),
                actions: vec![(action, [Some(1.0); OF_ACTION])],
            };
            history.add(
                1_000_000_000.0,
                vec![looked(&action), looked("find"), looked("sell")],
            );
        }
        assert_eq!(
            (history.services.len(), history.actions),
            (MAX_SERVICES, MAX_ACTIONS)
        );
    }

    #[test]
    fn minutes_that_were_kept_stand_before_those_of_this_process() {
        let mut history = History::new(Duration::from_secs(2));
        let begin = 60_000_000_000.0;
        add(&mut history, begin, point(5.0, 1.0, 1.0));
        add(&mut history, begin + 60.0, point(5.0, 1.0, 1.0));
        let minutes = vec![
            (999_999_990, point(1.0, 1.0, 1.0)),
            (999_999_999, point(2.0, 1.0, 1.0)),
            // Whoever may write the key may write anything: a time that is to come, or none at all.
            (1_000_000_900, point(3.0, 1.0, 1.0)),
            (u64::MAX, point(3.0, 1.0, 1.0)),
        ];
        let sold = vec![(999_999_999, [Some(4.0); OF_ACTION])];
        let kept = Kept {
            minutes,
            actions: BTreeMap::from([("sell".to_owned(), sold)]),
        };
        history.restore("books", &kept, begin + 60.0);
        add(&mut history, begin + 120.0, point(5.0, 1.0, 1.0));
        let told = history
            .of_service("books", Span::Day, begin + 61.0)
            .unwrap();
        assert_eq!(column(&told, "rate"), [1.0, 2.0, 5.0, 5.0]);
        // An action that was not called since is known, too.
        let told = history.of_action("books", "sell", Span::Day, begin + 61.0);
        assert_eq!(column(&told, "rate"), [4.0]);
    }
}
