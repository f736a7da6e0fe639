//! Retries of calls that failed for a temporary reason.
//!
//! Only calls are retried whose actions are all declared `idempotent`, or that are marked with `.idempotent()`: without
//! a response, it is unknown whether a request was run. Only temporary failures are retried: a broken connection, a
//! full queue, no response in time, a service that reports that it is overloaded.
//!
//! The pause before an attempt is a random part of a time that doubles (so that callers do not come back all at once),
//! and no attempt is made that the caller could not wait for. All calls of one service share a budget: each call adds a
//! fraction of an attempt, each further attempt takes one out. So a service that is down gets a tenth more requests
//! than usual, and not three times as many.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument as _;

use crate::error::ClientError;
use crate::exchange::{ClientRequest, ClientStage, has_failed, is_past};
use crate::message::{JobResponse, Name, code};
use crate::redact;
use crate::stack::{Middleware, Next};

/// The maximum number of bytes of a reason in the log.
const REASON_LENGTH: usize = 1024;

/// Client middleware that retries calls that failed for a temporary reason.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::Client;
/// use soa::middleware::Retry;
///
/// let client = Client::builder()
///     .middleware(Retry::new().attempts(4).attempt_timeout(Duration::from_secs(1)))
///     .build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Retry {
    #[doc(hidden)]
    pub attempts: u32,
    #[doc(hidden)]
    pub attempt_timeout: Option<Duration>,
    #[doc(hidden)]
    pub pause: Duration,
    #[doc(hidden)]
    pub longest_pause: Duration,
    codes: BTreeSet<Cow<'static, str>>,
    #[doc(hidden)]
    pub share: f64,
    #[doc(hidden)]
    pub reserve: u32,
    /// The rest of the budget of each service.
    budgets: Mutex<HashMap<Name, f64>>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            attempt_timeout: None,
            pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(2),
            codes: BTreeSet::from([code::OVERLOADED.into()]),
            share: 0.1,
            reserve: 10,
            budgets: Mutex::default(),
        }
    }
}

impl Retry {
    /// Returns middleware with everything at its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum number of attempts, including the first; 3 by default, at least 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Limits the time of one attempt. By default it is the caller's timeout, which leaves no time for another attempt
    /// when there is no response.
    #[must_use]
    pub fn attempt_timeout(mut self, time: Duration) -> Self {
        self.attempt_timeout = Some(time);
        self
    }

    /// Sets the time of which the first pause is a random part, and its maximum; 50 milliseconds and 2 seconds by
    /// default. The time doubles with every attempt.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::middleware::Retry;
    ///
    /// let retry = Retry::new()
    ///     .pauses(Duration::from_millis(20), Duration::from_millis(500))
    ///     .on_code("LOCKED")
    ///     .budget(0.2, 20);
    /// ```
    #[must_use]
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.pause = first;
        self.longest_pause = longest;
        self
    }

    /// Retries calls that fail with this code, too. `OVERLOADED` is included by default.
    #[must_use]
    pub fn on_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.codes.insert(code.into());
        self
    }

    /// Limits retries, over all calls of one service, to this share of the calls, plus a reserve for the beginning; 0.1
    /// and 10 by default.
    #[must_use]
    pub fn budget(mut self, share: f64, reserve: u32) -> Self {
        self.share = share.clamp(0.0, 1.0);
        self.reserve = reserve;
        self
    }

    /// Adds a call's share to the budget of its service.
    fn pay_in(&self, service: &Name) {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let most = f64::from(self.reserve.max(1));
        match budgets.get_mut(service) {
            Some(left) => *left = (*left + self.share).min(most),
            None => {
                let first = f64::from(self.reserve) + self.share;
                budgets.insert(service.clone(), first.min(most));
            }
        }
    }

    /// Takes one attempt out of the budget. Returns false if there is none.
    fn take_out(&self, service: &Name) -> bool {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        // The sum of ten tenths is not exactly one.
        let left = budgets.get_mut(service).filter(|left| **left > 0.999);
        left.map(|left| *left = (*left - 1.0).max(0.0)).is_some()
    }

    /// Returns the reason for a retry; `None` if the call is not to be retried.
    fn reason(&self, outcome: &Result<JobResponse, ClientError>) -> Option<String> {
        match outcome {
            Err(error) => error
                .is_transient()
                .then(|| redact::chain(error, REASON_LENGTH)),
            Ok(response) => {
                let of_actions = response.actions.iter().flat_map(|action| &action.errors);
                let mut errors = response.errors.iter().chain(of_actions).peekable();
                let first = redact::cut(&errors.peek()?.to_string(), REASON_LENGTH).into_owned();
                errors
                    .all(|error| self.codes.contains(&error.code))
                    .then_some(first)
            }
        }
    }

    fn pause_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let most = self.pause.saturating_mul(doubled).min(self.longest_pause);
        most.mul_f64(random())
    }

    async fn attempt(
        &self,
        mut request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        let Some(limit) = self.attempt_timeout else {
            return next.run(request).await;
        };
        let limit = request.timeout.map_or(limit, |left| left.min(limit));
        // The timeout of a call without a response limits its time in the queue.
        if request.job.control.suppress_response != Some(true) {
            request.timeout = Some(limit);
            request.job.control.set_timeout(limit);
        }
        let service = request.service.clone();
        let end = Instant::now().checked_add(limit);
        match timeout(limit, next.run(request)).await {
            // The service gives up at the same moment.
            Ok(Ok(response)) if has_failed(&response) && is_past(end) => {
                Err(ClientError::timeout(&service, limit, None))
            }
            Ok(outcome) => outcome,
            Err(_) => Err(ClientError::timeout(&service, limit, None)),
        }
    }
}

impl Middleware<ClientStage> for Retry {
    async fn call(
        &self,
        mut request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        let mut actions = request.job.actions.iter();
        if !actions.all(|action| action.is_idempotent()) {
            return next.run(request).await;
        }
        let service = request.service.clone();
        self.pay_in(&service);
        let deadline = request
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let mut attempt = 1;
        loop {
            let run = self.attempt(request.clone(), next.clone());
            let outcome = match attempt {
                1 => run.await,
                _ => {
                    let span = tracing::info_span!("attempt", %service, number = attempt);
                    run.instrument(span).await
                }
            };
            let Some(reason) = self.reason(&outcome) else {
                return outcome;
            };
            let pause = self.pause_after(attempt);
            let is_in_time = deadline.is_none_or(|deadline| {
                let next = Instant::now().checked_add(pause);
                next.is_some_and(|next| next < deadline)
            });
            if attempt >= self.attempts || !is_in_time {
                return outcome;
            }
            if !self.take_out(&service) {
                tracing::warn!(%service, attempt, reason, "a call failed and is not retried: the retry budget is used up");
                return outcome;
            }
            tracing::warn!(%service, attempt, ?pause, reason, "a call failed and is retried");
            sleep(pause).await;
            attempt += 1;
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                request.timeout = Some(left);
                if request.job.control.timeout().is_some() {
                    request.job.control.set_timeout(left);
                }
            }
        }
    }
}

/// Returns a number from zero to one.
fn random() -> f64 {
    let [.., a, b, c, d] = uuid::Uuid::new_v4().into_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}
