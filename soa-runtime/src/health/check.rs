//! One check, and all checks of a server.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Health, IntoHealth};
use crate::BoxFuture;
use crate::context::Context;
use crate::message::Name;

/// How long a check may take that does not say so itself.
const TIMEOUT: Duration = Duration::from_secs(10);

type HealthFuture = BoxFuture<Health>;

/// A check of one thing that the service needs.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::health::{Health, HealthCheck};
/// use soa::{Context, Server};
///
/// let disk = HealthCheck::new("disk", |_cx: Context| async { Health::ok() })
///     .cached(Duration::from_secs(10));
/// let server = Server::untyped("archive", "1.0.0").health_check(disk).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone)]
pub struct HealthCheck {
    name: Name,
    run: Arc<dyn Fn(Context) -> HealthFuture + Send + Sync>,
    limits: Limits,
}

/// When a check is run, and how long it may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    cached: Option<Duration>,
    slow_after: Option<Duration>,
    timeout: Duration,
}

impl Limits {
    const DEFAULT: Self = Self {
        cached: None,
        slow_after: None,
        timeout: TIMEOUT,
    };
}

impl HealthCheck {
    /// A check of this name. It is run each time that `status` is asked, and may take 10 s.
    pub fn new<F, Fut>(name: impl Into<Name>, check: F) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoHealth> + Send + 'static,
    {
        Self {
            name: name.into(),
            run: Arc::new(move |cx| check(cx).map(IntoHealth::into_health).boxed()),
            limits: Limits::DEFAULT,
        }
    }

    /// A check of the services that this one can call: each answers `status` within two seconds.
    ///
    /// The codes are those of the reference, the name of the service first: `…_TRANSPORT_ERROR` (no answer),
    /// `…_CALL_ERROR` (the job failed), `…_STATUS_ERROR` (the action did). The diagnostics have under `services` what
    /// each has answered.
    pub fn called_services() -> Self {
        Self::new("called services", super::services::check)
    }

    /// Keeps a result for so long.
    #[must_use]
    pub fn cached(mut self, time: Duration) -> Self {
        self.limits.cached = Some(time);
        self
    }

    /// Adds the warning `HEALTH_CHECK_SLOW` when it takes longer than this.
    #[must_use]
    pub fn slow_after(mut self, time: Duration) -> Self {
        self.limits.slow_after = Some(time);
        self
    }

    /// Gives up after so long, with the error `HEALTH_CHECK_TIMEOUT`; 10 s by default.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limits.timeout = time;
        self
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The checks of a server.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<Kept>);

/// A check and its last result, where that is kept.
#[derive(Debug)]
struct Kept {
    check: HealthCheck,
    /// Locked while the check runs: whoever asks meanwhile waits for its result.
    last: Mutex<Option<(Instant, Health)>>,
}

impl Checks {
    pub(crate) fn new(checks: Vec<HealthCheck>) -> Self {
        let kept = checks.into_iter().map(|check| Kept {
            check,
            last: Mutex::default(),
        });
        Self(kept.collect())
    }

    /// Runs all checks side by side.
    pub(crate) async fn run(&self, cx: &Context) -> Health {
        let found = join_all(self.0.iter().map(|kept| kept.health(cx))).await;
        found.into_iter().fold(Health::ok(), Health::and)
    }
}

impl Kept {
    async fn health(&self, cx: &Context) -> Health {
        let Some(time) = self.check.limits.cached else {
            return self.check.run(cx).await;
        };
        let mut last = self.last.lock().await;
        if let Some((since, health)) = &*last
            && since.elapsed() < time
        {
            return health.clone();
        }
        // The result is for others, too, who may have more time than whoever asks first.
        let health = self.check.run(&cx.for_all()).await;
        *last = Some((Instant::now(), health.clone()));
        health
    }
}

impl HealthCheck {
    async fn run(&self, cx: &Context) -> Health {
        let started = Instant::now();
        let Limits {
            slow_after,
            timeout,
            ..
        } = self.limits;
        // Calling it is part of it: a closure may panic before there is a future.
        let check = async { (self.run)(cx.clone()).await };
        let check = AssertUnwindSafe(check).catch_unwind();
        let name = &self.name;
        let health = match tokio::time::timeout(timeout, check).await {
            Ok(Ok(health)) => health,
            Ok(Err(_)) => {
                tracing::error!(check = %name, "a health check panicked");
                let text = format!("The check `{name}` panicked");
                Health::error("HEALTH_CHECK_PANICKED", text)
            }
            Err(_) => {
                let text = format!("The check `{name}` was not done within {timeout:?}");
                Health::error("HEALTH_CHECK_TIMEOUT", text)
            }
        };
        let took = started.elapsed();
        if slow_after.is_some_and(|limit| took > limit) && took < timeout {
            let text = format!("The check `{name}` took {took:.1?}");
            return health.and(Health::warning("HEALTH_CHECK_SLOW", text));
        }
        health
    }
}
