//! One check: its name, its function, and its limits.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument;

use super::finding::{Health, HealthStatus, IntoHealth};
use super::services;
use crate::BoxFuture;
use crate::context::Context;
use crate::message::Name;
use crate::redact;
use crate::watchdog::Watched;

/// The default timeout of a check.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The code of a check that was given up.
pub(super) const TIMEOUT_CODE: &str = "HEALTH_CHECK_TIMEOUT";

/// The code of a check that took too long.
const SLOW_CODE: &str = "HEALTH_CHECK_SLOW";

/// The maximum length of a text in the log, in bytes.
const MAX_LOGGED_LENGTH: usize = 4096;

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

/// The cache time and the limits of a check.
#[derive(Clone, Copy, Debug)]
struct Limits {
    cached: Option<Duration>,
    slow_after: Option<Duration>,
    fail_after: Option<Duration>,
    timeout: Duration,
}

impl Limits {
    const DEFAULT: Self = Self {
        cached: None,
        slow_after: None,
        fail_after: None,
        timeout: DEFAULT_TIMEOUT,
    };
}

impl HealthCheck {
    /// Returns a check of this name. It runs each time that `status` is called, with a timeout of 10 s.
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

    /// Returns a check of the services that this one can call: each must answer `status` within two seconds.
    ///
    /// The codes are those of the reference, with the name of the service in front: `…_TRANSPORT_ERROR` (no response),
    /// `…_CALL_ERROR` (the job failed), `…_STATUS_ERROR` (the action failed). The diagnostics contain the responses
    /// under `services`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::health::HealthCheck;
    ///
    /// let server = Server::untyped("posts", "1.0.0").health_check(HealthCheck::called_services()).build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn called_services() -> Self {
        Self::new("called_services", services::check)
    }

    /// Caches a result for this time, from when the check was done.
    ///
    /// Such a check runs in a task of its own, once for all callers that wait meanwhile, and to its end even if they
    /// give up. The diagnostics contain the age of the result in seconds, by the name of the check, under
    /// `health_check_ages`.
    #[must_use]
    pub fn cached(mut self, time: Duration) -> Self {
        self.limits.cached = Some(time);
        self
    }

    /// Adds the warning `HEALTH_CHECK_SLOW` if the check takes longer than this.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::Context;
    /// use soa::health::{Health, HealthCheck};
    ///
    /// let database = HealthCheck::new("database", |_cx: Context| async { Health::ok() })
    ///     .slow_after(Duration::from_millis(200))
    ///     .timeout(Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn slow_after(mut self, time: Duration) -> Self {
        self.limits.slow_after = Some(time);
        self
    }

    /// Fails the check with `HEALTH_CHECK_SLOW` if it would be well, but takes longer than this. The result is there at the
    /// limit: `spent 0.302s`. The check is finished by itself, up to its timeout.
    #[must_use]
    pub fn fail_if_slower_than(mut self, time: Duration) -> Self {
        self.limits.fail_after = Some(time);
        self
    }

    /// Sets the timeout, after which the check fails with `HEALTH_CHECK_TIMEOUT`; 10 s by default.
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

/// Threads for checks, so that one that blocks stops nothing else.
pub(super) type Threads = Arc<Semaphore>;

/// A method of a service that is a health check, for generated code.
pub struct ServiceHealthCheck<S> {
    name: &'static str,
    run: fn(Arc<S>, Context) -> HealthFuture,
    limits: Limits,
}

impl<S> ServiceHealthCheck<S> {
    /// Returns a check of this name.
    pub const fn new(name: &'static str, run: fn(Arc<S>, Context) -> HealthFuture) -> Self {
        Self {
            name,
            run,
            limits: Limits::DEFAULT,
        }
    }

    /// See [`HealthCheck::cached`].
    #[must_use]
    pub const fn cached(mut self, time: Duration) -> Self {
        self.limits.cached = Some(time);
        self
    }

    /// See [`HealthCheck::slow_after`].
    #[must_use]
    pub const fn slow_after(mut self, time: Duration) -> Self {
        self.limits.slow_after = Some(time);
        self
    }

    /// See [`HealthCheck::fail_if_slower_than`].
    #[must_use]
    pub const fn fail_if_slower_than(mut self, time: Duration) -> Self {
        self.limits.fail_after = Some(time);
        self
    }

    /// See [`HealthCheck::timeout`].
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.limits.timeout = time;
        self
    }
}

impl<S: Send + Sync + 'static> ServiceHealthCheck<S> {
    /// Returns the check of one service.
    pub(crate) fn of(&self, service: &Arc<S>) -> HealthCheck {
        let (service, run) = (Arc::clone(service), self.run);
        HealthCheck {
            name: Name::from_static(self.name),
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

/// Converts the result of a check, for generated code. This is a function because the compiler reports an unmet bound
/// of a function at the type argument.
pub fn into_health<T: IntoHealth>(found: T) -> Health {
    found.into_health()
}

/// Boxes the future of a check, for generated code.
pub fn health<F: Future<Output = Health> + Send + 'static>(check: F) -> BoxFuture<Health> {
    Box::pin(check)
}

impl HealthCheck {
    /// Returns the name.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the time for which a result is cached.
    pub(super) fn keeps(&self) -> Option<Duration> {
        self.limits.cached
    }

    /// Runs the check, once and within its limits; on a thread of its own, if there are such.
    pub(super) async fn run(&self, cx: &Context, threads: Option<&Threads>) -> Health {
        let started = Instant::now();
        let name = &self.name;
        let Limits {
            slow_after,
            fail_after,
            timeout,
            ..
        } = self.limits;
        let mut health = if threads.is_none() && fail_after.is_none() {
            self.found(cx, true).await
        } else {
            let limit = fail_after.map_or(timeout, |limit| limit.min(timeout));
            match tokio::time::timeout(limit, self.apart(cx, threads)).await {
                Ok(health) => health,
                // It may yet be well, but is too slow: see below.
                Err(_) if limit < timeout => Health::ok(),
                Err(_) => self.timed_out(),
            }
        };
        let took = started.elapsed();
        if let Some(limit) = fail_after
            && took >= limit
            && health.status() == HealthStatus::Ok
        {
            let text = format!("The check `{name}` took longer than {limit:.1?}");
            let spent = format!("spent {:.3}s", took.as_secs_f64());
            return Health::error(SLOW_CODE, text).details(spent);
        }
        if let Some(id) = health.hide_text() {
            let text = health.text(true);
            let text = redact::cut(&text, MAX_LOGGED_LENGTH);
            tracing::warn!(check = %name, error = &*text, error_id = &*id, "a health check failed");
        }
        if slow_after.is_some_and(|limit| took > limit) && took < timeout {
            let text = format!("The check `{name}` took {took:.1?}");
            return health.and(Health::warning(SLOW_CODE, text));
        }
        health
    }

    /// Runs the check in a task or on a thread, which goes on if nobody waits any more.
    async fn apart(&self, cx: &Context, threads: Option<&Threads>) -> Health {
        let (check, cx) = (self.clone(), cx.clone());
        let running = if let Some(threads) = threads {
            let thread = Arc::clone(threads).acquire_owned().await;
            let run = async move {
                let _thread = thread;
                check.found(&cx, false).await
            };
            let (runtime, run) = (Handle::current(), run.in_current_span());
            tokio::task::spawn_blocking(move || runtime.block_on(run))
        } else {
            let run = async move { check.found(&cx, true).await };
            tokio::spawn(run.in_current_span())
        };
        // Otherwise the runtime ends, and the caller with it.
        running.await.unwrap_or_else(|_| self.timed_out())
    }

    /// Runs the check up to its timeout. A panic and the timeout are errors that it found.
    async fn found(&self, cx: &Context, is_watched: bool) -> Health {
        // The call is inside: a closure may panic before there is a future.
        let check = async { (self.run)(cx.clone()).await };
        let check = AssertUnwindSafe(check).catch_unwind();
        let check = Box::pin(tokio::time::timeout(self.limits.timeout, check));
        let (name, service) = (&self.name, &cx.service().into());
        let outcome = if is_watched {
            let check = Watched::new(check, service, name.clone(), "a health check");
            check.await.1
        } else {
            check.await
        };
        match outcome {
            Ok(Ok(health)) => health,
            Ok(Err(_)) => {
                tracing::error!(check = %name, "a health check panicked");
                let text = format!("The check `{name}` panicked");
                Health::error("HEALTH_CHECK_PANICKED", text)
            }
            Err(_) => self.timed_out(),
        }
    }

    fn timed_out(&self) -> Health {
        let (name, timeout) = (&self.name, self.limits.timeout);
        let text = format!("The check `{name}` was not done within {timeout:?}");
        Health::error(TIMEOUT_CODE, text)
    }
}
