//! All checks of a server or of a component, as `status` and the health over HTTP run them.
//!
//! All run side by side, until shortly before the deadline of the caller. A check that is not done by then becomes an error
//! in the result, so that the caller gets the results of the others.
//!
//! A cached check runs in a task of its own, which holds the lock of its result. Callers wait for that lock. A caller
//! that gives up does not end the run, and no second one starts: otherwise a check that takes longer than its callers
//! wait would never have a result.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tracing::Instrument;

use super::check::{HealthCheck, TIMEOUT_CODE, Threads};
use super::finding::{CheckReport, Health};
use crate::codec::{Map, Value};
use crate::context::Context;

/// The key of the diagnostics for the ages of cached results.
const AGES_KEY: &str = "health_check_ages";

/// The maximum of the time before the deadline that is reserved for the response, which otherwise is a tenth of the
/// time left.
const MAX_RESPONSE_MARGIN: Duration = Duration::from_millis(250);

/// The maximum number of runs of one check that have a thread each. A check that hangs does not take all threads.
const THREAD_LIMIT: usize = 4;

/// The checks of a server or of a component.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<Kept>);

/// A check, and its last result if that is cached.
#[derive(Debug)]
struct Kept {
    check: HealthCheck,
    /// Locked while the check runs.
    last: Arc<Mutex<Option<(Instant, Health)>>>,
    threads: Threads,
}

/// The result of a check, and its age if it is cached.
struct Found {
    health: Health,
    age: Option<Duration>,
}

impl Checks {
    pub(crate) fn new(checks: Vec<HealthCheck>) -> Self {
        let kept = checks.into_iter().map(|check| Kept {
            check,
            last: Arc::default(),
            threads: Arc::new(Semaphore::new(THREAD_LIMIT)),
        });
        Self(kept.collect())
    }

    /// Runs all checks side by side, until shortly before the deadline, for an action of their server.
    pub(crate) async fn run(&self, cx: &Context) -> Health {
        let mut health = Health::ok();
        let mut ages = Map::new();
        for (check, found) in self.each(cx, false).await {
            health = health.and(found.health);
            if let Some(age) = found.age {
                let seconds = (age.as_secs_f64() * 1000.0).round() / 1000.0;
                ages.insert(check.name().to_string(), seconds);
            }
        }
        if ages.is_empty() {
            return health;
        }
        health.diagnostic(AGES_KEY, Value::from(ages))
    }

    /// Runs all checks as [`run`](Self::run) does, on threads of their own. The reports are in the order of the checks.
    pub(crate) async fn report(&self, cx: &Context, tells_internal: bool) -> Vec<CheckReport> {
        let found = self.each(cx, true).await;
        let reports = found.map(|(check, found)| CheckReport {
            name: check.name().clone(),
            status: found.health.status(),
            details: found.health.text(tells_internal),
        });
        reports.collect()
    }

    async fn each(&self, cx: &Context, apart: bool) -> impl Iterator<Item = (&HealthCheck, Found)> {
        let cx = &cx.clone().with_extension(InCheck);
        let patience = cx
            .time_left()
            .map(|left| left - (left / 10).min(MAX_RESPONSE_MARGIN));
        let checks = self.0.iter().map(|kept| &kept.check);
        let found = self.0.iter();
        let found = found.map(|kept| kept.found_within(patience, cx, apart));
        checks.zip(join_all(found).await)
    }
}

impl Context {
    /// Runs the health checks of the server: those of the service, and those that the program has added. It is for an
    /// action `status` of your own, in place of the built-in one.
    ///
    /// The limits of the checks, their cache and the caller's timeout are kept, as for the built-in action. In a check,
    /// and without a server, nothing runs, and all is well.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::health::{Health, HealthCheck};
    /// use soa::{ActionError, Client, Context, LocalTransport, Server, Value, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("archive", "1.0.0")
    ///     .action("status", |_: Value, cx: Context| async move {
    ///         let health = cx.check_health().await;
    ///         Ok::<_, ActionError>(value!({ "version": "1.0.0", "shelves": 7, "healthcheck": (health) }))
    ///     })
    ///     .health_check(HealthCheck::new("disk", |_| async { Health::warning("DISK", "Nearly full") }))
    ///     .build()?;
    /// let client = Client::builder().service("archive", LocalTransport::new(server)).build()?;
    /// let status = client.call_action("archive", "status", &()).await?;
    /// let warnings = status.get("healthcheck").and_then(|health| health.get("warnings"));
    /// assert_eq!(warnings, Some(&value!([["DISK", "Nearly full"]])));
    /// # Ok(()) }
    /// ```
    pub async fn check_health(&self) -> Health {
        if self.extension::<InCheck>().is_some() {
            // A check that asks for the checks would run itself for ever.
            return Health::ok();
        }
        match self.of_server::<Arc<Checks>>() {
            Some(checks) => Arc::clone(checks).run(self).await,
            None => Health::ok(),
        }
    }
}

/// The mark of the context of a check.
struct InCheck;

impl Kept {
    async fn found_within(&self, patience: Option<Duration>, cx: &Context, apart: bool) -> Found {
        let Some(patience) = patience else {
            return self.found(cx, apart).await;
        };
        match tokio::time::timeout(patience, self.found(cx, apart)).await {
            Ok(found) => found,
            Err(_) => self.not_waited_for(apart),
        }
    }

    fn not_waited_for(&self, apart: bool) -> Found {
        let name = self.check.name();
        let asked = if apart { "the health" } else { "`status`" };
        let text = format!("The check `{name}` was not done while the caller of {asked} waits");
        Found {
            health: Health::error(TIMEOUT_CODE, text),
            age: None,
        }
    }

    async fn found(&self, cx: &Context, apart: bool) -> Found {
        let threads = apart.then(|| Arc::clone(&self.threads));
        let Some(time) = self.check.keeps() else {
            return Found {
                health: self.check.run(cx, threads.as_ref()).await,
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
        // The result is also for callers with more time than the first one.
        let (check, cx) = (self.check.clone(), cx.for_all());
        let run = async move {
            let health = check.run(&cx, threads.as_ref()).await;
            *last = Some((Instant::now(), health.clone()));
            health
        };
        match tokio::spawn(run.in_current_span()).await {
            Ok(health) => Found {
                health,
                age: Some(Duration::ZERO),
            },
            // The runtime ends, and the caller with it.
            Err(_) => self.not_waited_for(apart),
        }
    }
}
