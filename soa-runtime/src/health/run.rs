//! All checks of a server, as `status` runs them.
//!
//! All run side by side. `status` has a deadline of its own where its caller waits no longer than that: a little before
//! it, what is not done becomes an error among the findings, so that the caller learns of the others.
//!
//! A check whose results are kept runs in a task of its own, which holds the lock of its result meanwhile. Whoever asks
//! waits for that lock, for as long as he likes: nobody who gives up takes the run with him, and no second one starts. A
//! check that callers' patience is too short for would otherwise never have a result.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::Instrument;

use super::check::{HealthCheck, TIMED_OUT};
use super::finding::Health;
use crate::codec::{Map, Value};
use crate::context::Context;
use crate::watchdog::Watched;

/// Where the diagnostics have the ages of results that are kept.
const AGES: &str = "health_check_ages";

/// How much of the time that a caller waits is kept for the answer: a tenth, and at most this.
const MARGIN: Duration = Duration::from_millis(250);

/// The checks of a server.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<Kept>);

/// A check and its last result, where that is kept.
#[derive(Debug)]
struct Kept {
    check: HealthCheck,
    /// Locked while the check runs.
    last: Arc<Mutex<Option<(Instant, Health)>>>,
}

/// What a check has found, and how old that is where it is kept.
struct Found {
    health: Health,
    age: Option<Duration>,
}

impl Checks {
    pub(crate) fn new(checks: Vec<HealthCheck>) -> Self {
        let kept = checks.into_iter().map(|check| Kept {
            check,
            last: Arc::default(),
        });
        Self(kept.collect())
    }

    /// Runs all checks side by side, until shortly before the deadline.
    pub(crate) async fn run(&self, cx: &Context) -> Health {
        let patience = cx.time_left().map(|left| left - (left / 10).min(MARGIN));
        let all = self.0.iter().map(|kept| kept.found_within(patience, cx));
        let mut health = Health::ok();
        let mut ages = Map::new();
        for (kept, found) in self.0.iter().zip(join_all(all).await) {
            health = health.and(found.health);
            if let Some(age) = found.age {
                let seconds = (age.as_secs_f64() * 1000.0).round() / 1000.0;
                ages.insert(kept.check.name().to_string(), seconds);
            }
        }
        if ages.is_empty() {
            return health;
        }
        health.diagnostic(AGES, Value::from(ages))
    }
}

impl Kept {
    async fn found_within(&self, patience: Option<Duration>, cx: &Context) -> Found {
        let Some(patience) = patience else {
            return self.found(cx).await;
        };
        match tokio::time::timeout(patience, self.found(cx)).await {
            Ok(found) => found,
            Err(_) => self.not_waited_for(),
        }
    }

    fn not_waited_for(&self) -> Found {
        let name = self.check.name();
        let text = format!("The check `{name}` was not done while the caller of `status` waits");
        Found {
            health: Health::error(TIMED_OUT, text),
            age: None,
        }
    }

    async fn found(&self, cx: &Context) -> Found {
        let Some(time) = self.check.keeps() else {
            return Found {
                health: self.check.run(cx).await,
                age: None,
            };
        };
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((since, health)) = &*last
            && since.elapsed() < time
        {
            return Found {
                health: health.clone(),
                age: Some(since.elapsed()),
            };
        }
        // The result is for others, too, who may have more time than whoever asks first.
        let (check, cx) = (self.check.clone(), cx.for_all());
        let run = async move {
            let run = Box::pin(check.run(&cx));
            let name = check.name().clone();
            let service = &cx.service().to_owned().into();
            let (_, health) = Watched::new(run, service, name, "a health check").await;
            *last = Some((Instant::now(), health.clone()));
            health
        };
        match tokio::spawn(run.in_current_span()).await {
            Ok(health) => Found {
                health,
                age: Some(Duration::ZERO),
            },
            // The runtime ends, and with it whoever asks.
            Err(_) => self.not_waited_for(),
        }
    }
}
