//! The content of the screen: rows of the fleet, sorted and filtered. Nothing here knows of a terminal.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use soa_runtime::observe::record::Sketch;

use crate::fleet::Fleet;
use crate::output::{Tone, harmless, latency, rate, time};
use crate::services::{count, line, running};

/// A table of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Services,
    Actions,
    Callers,
    Workers,
    Jobs,
}

impl View {
    pub(super) const ALL: [Self; 5] = [
        Self::Services,
        Self::Actions,
        Self::Callers,
        Self::Workers,
        Self::Jobs,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Services => "Services",
            Self::Actions => "Actions",
            Self::Callers => "Callers",
            Self::Workers => "Workers",
            Self::Jobs => "Jobs",
        }
    }

    /// The headings. Those of numbers begin with `>`.
    pub(super) fn headings(self) -> &'static [&'static str] {
        match self {
            Self::Services => &[
                "SERVICE", ">DEPTH", ">OLDEST", ">WORK", ">FLIGHT", ">RATE", ">ERR", ">P50", ">P99",
            ],
            Self::Actions => &["ACTION", ">CALLS", ">RATE", ">ERR", ">P50", ">P99", ">MAX"],
            Self::Callers => &["CALLER", "CALLS", ">COUNT"],
            Self::Workers => &[
                "SERVICE", "HOST", ">PID", "VERSION", ">FLIGHT", ">RATE", ">ERR", ">P99",
            ],
            Self::Jobs => &["ACTION", "CALLER", "HOST", ">PID", ">FOR", ">LEFT"],
        }
    }

    /// The column by which the rows are sorted at first: what is worst comes first.
    pub(super) fn first_column(self) -> usize {
        match self {
            Self::Services => 5,
            Self::Actions | Self::Callers => 2,
            Self::Workers => 5,
            Self::Jobs => 4,
        }
    }
}

/// A cell: what is shown, and what it is sorted by.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) tone: Tone,
    /// The number; `None` for text and for what is unknown.
    number: Option<f64>,
}

impl Field {
    fn text(text: &str) -> Self {
        Self {
            text: harmless(text),
            tone: Tone::Plain,
            number: None,
        }
    }

    fn number(number: f64, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone: if number > 0.0 { Tone::Plain } else { Tone::Dim },
            number: Some(number),
        }
    }

    fn bad_if(mut self, is_bad: bool) -> Self {
        if is_bad {
            self.tone = Tone::Bad;
        }
        self
    }

    fn optional(number: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        match number {
            Some(number) => Self::number(number, show(number)),
            None => Self {
                text: "-".to_owned(),
                tone: Tone::Dim,
                number: None,
            },
        }
    }
}

pub(super) type Row = Vec<Field>;

/// The choice of rows.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) view: View,
    pub(super) column: usize,
    pub(super) is_ascending: bool,
    pub(super) filter: String,
}

impl Choice {
    pub(super) fn of(view: View) -> Self {
        Self {
            view,
            column: view.first_column(),
            is_ascending: false,
            filter: String::new(),
        }
    }

    /// The rows of a fleet, as they are chosen.
    pub(super) fn rows(&self, fleet: &Fleet) -> Vec<Row> {
        let mut rows = match self.view {
            View::Services => services(fleet),
            View::Actions => actions(fleet),
            View::Callers => callers(fleet),
            View::Workers => workers(fleet),
            View::Jobs => jobs(fleet),
        };
        let filter = self.filter.to_lowercase();
        let fits = |field: &Field| field.text.to_lowercase().contains(&filter);
        rows.retain(|row| row.iter().any(fits));
        rows.sort_by(|a, b| {
            let order = compare(a.get(self.column), b.get(self.column));
            let order = if self.is_ascending {
                order
            } else {
                order.reverse()
            };
            // Rows that are equal keep their places from one picture to the next.
            let names = || {
                a.iter()
                    .map(|field| &field.text)
                    .cmp(b.iter().map(|field| &field.text))
            };
            order.then_with(names)
        });
        rows
    }
}

fn compare(a: Option<&Field>, b: Option<&Field>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return Ordering::Equal;
    };
    match (a.number, b.number) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        // As numbers, large ones come first; so do the first letters.
        (None, None) => b.text.cmp(&a.text),
    }
}

fn services(fleet: &Fleet) -> Vec<Row> {
    let rows = fleet.services.iter().map(|(name, service)| {
        let line = line(name, service);
        let running = running(&service.workers);
        let oldest = line.oldest.map(|oldest| oldest.as_secs_f64());
        let workers = u64::try_from(line.workers).unwrap_or(u64::MAX);
        let mut named = Field::text(name);
        if service.is_paused {
            named.tone = Tone::Warning;
            named.text += " (paused)";
        }
        vec![
            named,
            Field::number(count(line.depth), line.depth.to_string())
                .bad_if(line.depth > 0 && line.workers == 0),
            Field::optional(oldest, |seconds| time(Duration::from_secs_f64(seconds))),
            Field::number(count(workers), workers.to_string()),
            Field::number(
                count(u64::try_from(running).unwrap_or(u64::MAX)),
                running.to_string(),
            ),
            Field::optional(line.rate_out, rate),
            Field::optional(line.errors, rate)
                .bad_if(line.errors.is_some_and(|errors| errors > 0.0)),
            Field::optional(line.p50, latency),
            Field::optional(line.p99, latency),
        ]
    });
    rows.collect()
}

/// The numbers of an action at all workers.
#[derive(Default)]
struct Summed {
    calls: u64,
    errors: f64,
    rate: f64,
    lately: Sketch,
}

fn actions(fleet: &Fleet) -> Vec<Row> {
    let mut summed: BTreeMap<String, Summed> = BTreeMap::new();
    for (name, service) in &fleet.services {
        for worker in &service.workers {
            let seconds = worker.record.lately_seconds.max(1.0);
            for (action, told) in &worker.record.actions {
                let sum = summed.entry(format!("{name}.{action}")).or_default();
                sum.calls = sum.calls.saturating_add(told.calls);
                sum.errors += count(told.lately_errors) / seconds;
                sum.rate += count(told.lately.count()) / seconds;
                sum.lately.merge(&told.lately);
            }
        }
    }
    let rows = summed.into_iter().map(|(name, sum)| {
        vec![
            Field::text(&name),
            Field::number(count(sum.calls), sum.calls.to_string()),
            Field::number(sum.rate, rate(sum.rate)),
            Field::number(sum.errors, rate(sum.errors)).bad_if(sum.errors > 0.0),
            Field::optional(sum.lately.quantile(0.5), latency),
            Field::optional(sum.lately.quantile(0.99), latency),
            Field::optional(sum.lately.quantile(1.0), latency),
        ]
    });
    rows.collect()
}

fn callers(fleet: &Fleet) -> Vec<Row> {
    let mut calls: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (name, service) in &fleet.services {
        for worker in &service.workers {
            for (action, told) in &worker.record.actions {
                for (caller, made) in &told.callers {
                    let key = (caller.clone(), format!("{name}.{action}"));
                    let sum = calls.entry(key).or_default();
                    *sum = u64::saturating_add(*sum, *made);
                }
            }
        }
    }
    let rows = calls.into_iter().map(|((caller, action), calls)| {
        vec![
            Field::text(&caller),
            Field::text(&action),
            Field::number(count(calls), calls.to_string()),
        ]
    });
    rows.collect()
}

fn workers(fleet: &Fleet) -> Vec<Row> {
    let workers = fleet.services.values().flat_map(|service| &service.workers);
    let rows = workers.map(|worker| {
        let record = &worker.record;
        let seconds = record.lately_seconds.max(1.0);
        let lately = record.lately();
        let calls = count(lately.count()) / seconds;
        let errors = record.actions.values().map(|action| action.lately_errors);
        let errors = count(errors.fold(0, u64::saturating_add)) / seconds;
        let running = u64::try_from(record.running).unwrap_or(u64::MAX);
        vec![
            Field::text(&record.service),
            Field::text(&record.host),
            Field::number(f64::from(record.pid), record.pid.to_string()),
            Field::text(&record.version),
            Field::number(count(running), format!("{running}/{}", record.concurrency))
                .bad_if(record.running >= record.concurrency),
            Field::number(calls, rate(calls)),
            Field::number(errors, rate(errors)).bad_if(errors > 0.0),
            Field::optional(lately.quantile(0.99), latency),
        ]
    });
    rows.collect()
}

fn jobs(fleet: &Fleet) -> Vec<Row> {
    let workers = fleet.services.values().flat_map(|service| &service.workers);
    let rows = workers.flat_map(|worker| {
        let record = &worker.record;
        record.oldest.iter().map(|flight| {
            let running = Duration::from_millis(flight.running_for);
            #[expect(clippy::cast_precision_loss, reason = "a time need not be exact")]
            let left = flight.left.map(|millis| millis as f64 / 1_000.0);
            vec![
                Field::text(&format!("{}.{}", record.service, flight.action)),
                Field::text(flight.caller.as_deref().unwrap_or("a program")),
                Field::text(&record.host),
                Field::number(f64::from(record.pid), record.pid.to_string()),
                Field::number(running.as_secs_f64(), time(running)),
                Field::optional(left, |seconds| match Duration::try_from_secs_f64(seconds) {
                    Ok(left) => time(left),
                    Err(_) => "over".to_owned(),
                })
                .bad_if(left.is_some_and(|left| left < 1.0)),
            ]
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use soa_runtime::observe::record::{ActionRecord, WorkerRecord};

    use super::*;
    use crate::fleet::{Service, Worker};

    fn fleet() -> Fleet {
        let mut fleet = Fleet::default();
        for (name, calls) in [("books", 10), ("users", 500)] {
            let mut record = WorkerRecord {
                service: name.to_owned(),
                lately_seconds: 10.0,
                ..WorkerRecord::default()
            };
            let mut action = ActionRecord {
                calls,
                ..ActionRecord::default()
            };
            action.lately.add(60, calls);
            record.actions.insert("find".to_owned(), action);
            let service = Service {
                workers: vec![Worker {
                    id: "1".to_owned(),
                    record,
                }],
                ..Service::default()
            };
            fleet.services.insert(name.to_owned(), service);
        }
        fleet
    }

    fn names(choice: &Choice) -> Vec<String> {
        let rows = choice.rows(&fleet());
        rows.iter().map(|row| row[0].text.clone()).collect()
    }

    #[test]
    fn rows_are_sorted_by_any_column_and_filtered_by_any_text() {
        let mut choice = Choice::of(View::Actions);
        assert_eq!(names(&choice), ["users.find", "books.find"]);
        choice.is_ascending = true;
        assert_eq!(names(&choice), ["books.find", "users.find"]);
        choice.column = 0;
        assert_eq!(names(&choice), ["users.find", "books.find"]);
        choice.filter = "BOOKS".to_owned();
        assert_eq!(names(&choice), ["books.find"]);
    }

    #[test]
    fn every_view_has_a_field_for_each_heading() {
        for view in View::ALL {
            for row in Choice::of(view).rows(&fleet()) {
                assert_eq!(row.len(), view.headings().len(), "{view:?}");
            }
            assert!(view.first_column() < view.headings().len());
        }
    }
}
