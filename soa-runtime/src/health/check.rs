//! One check: what it is called, what it does, and its limits.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::finding::{Health, IntoHealth};
use super::services;
use crate::BoxFuture;
use crate::context::Context;
use crate::message::Name;

/// How long a check may take that does not say so itself.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The code of a check that was given up.
pub(super) const TIMED_OUT: &str = "HEALTH_CHECK_TIMEOUT";

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
        Self::new("called_services", services::check)
    }

    /// Keeps a result for so long, from when the check was done.
    ///
    /// Such a check runs in a task of its own, once for all who ask meanwhile, and to its end whoever stops waiting. How
    /// old the result is, in seconds, is told in the diagnostics, by the name of the check under `health_check_ages`.
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

/// A method of a service that is a health check, as generated code has it.
pub struct ServiceHealthCheck<S> {
    name: &'static str,
    run: fn(Arc<S>, Context) -> HealthFuture,
    limits: Limits,
}

impl<S> ServiceHealthCheck<S> {
    /// A check of this name.
    pub const fn new(name: &'static str, run: fn(Arc<S>, Context) -> HealthFuture) -> Self {
        Self {
            name,
            run,
            limits: Limits::DEFAULT,
        }
    }

    /// As [`HealthCheck::cached`].
    #[must_use]
    pub const fn cached(mut self, time: Duration) -> Self {
        self.limits.cached = Some(time);
        self
    }

    /// As [`HealthCheck::slow_after`].
    #[must_use]
    pub const fn slow_after(mut self, time: Duration) -> Self {
        self.limits.slow_after = Some(time);
        self
    }

    /// As [`HealthCheck::timeout`].
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.limits.timeout = time;
        self
    }
}

impl<S: Send + Sync + 'static> ServiceHealthCheck<S> {
    /// The check of one service.
    pub(crate) fn of(&self, service: &Arc<S>) -> HealthCheck {
        let (service, run) = (Arc::clone(service), self.run);
        HealthCheck {
            name: self.name.into(),
            run: Arc::new(move |cx| run(Arc::clone(&service), cx)),
            limits: self.limits,
        }
    }
}

impl<S> fmt::Debug for ServiceHealthCheck<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHealthCheck")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a method of a service found, as generated code has it: called here, because a bound of a function is told at the
/// type argument.
pub fn into_health<T: IntoHealth>(found: T) -> Health {
    found.into_health()
}

/// A check of a service that runs, as generated code has it.
pub fn health<F: Future<Output = Health> + Send + 'static>(check: F) -> BoxFuture<Health> {
    Box::pin(check)
}

impl HealthCheck {
    /// What it is called.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// How long a result is kept.
    pub(super) fn keeps(&self) -> Option<Duration> {
        self.limits.cached
    }

    /// Runs it, once and within its own limits.
    pub(super) async fn run(&self, cx: &Context) -> Health {
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
                Health::error(TIMED_OUT, text)
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
