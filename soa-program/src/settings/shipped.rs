//! The settings of the middleware that is shipped.

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{KnownMiddleware, Period};
use soa_runtime::LogLevel;
use soa_runtime::middleware::{CircuitBreaker, Logging, ResultCache, Retry};
use soa_runtime::redact::Redaction;

/// Lets settings name them.
pub(super) fn add(known: KnownMiddleware) -> KnownMiddleware {
    known
        .server("logging", |settings: LoggingOptions, server| {
            Ok(server.job_middleware(settings.middleware()))
        })
        .client("logging", |settings: LoggingOptions, client| {
            Ok(client.middleware(settings.middleware()))
        })
        .client("result_cache", |settings: CacheOptions, client| {
            Ok(client.middleware(settings.middleware()))
        })
        .client("retry", |settings: RetryOptions, client| {
            Ok(client.middleware(settings.middleware()))
        })
        .client("circuit_breaker", |settings: BreakerOptions, client| {
            Ok(client.middleware(settings.middleware()))
        })
}

/// One record for each job or call, without secrets.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct LoggingOptions {
    /// How important the record of a success is; `off` for none.
    success_level: LogLevel,
    /// How important the record of a failure is.
    error_level: LogLevel,
    /// Whether requests and responses are in the record.
    bodies: bool,
    /// How many bytes of it the context, the request and the response take at most, each.
    length: usize,
    /// Names of fields that are hidden besides the usual ones.
    #[schemars(inner(length(min = 1)))]
    redact: Vec<String>,
    /// Names of fields that are shown although they are among the usual ones.
    #[schemars(inner(length(min = 1)))]
    show: Vec<String>,
}

impl Default for LoggingOptions {
    fn default() -> Self {
        let logging = Logging::default();
        Self {
            success_level: logging.success,
            error_level: logging.error,
            bodies: logging.bodies,
            length: logging.length,
            redact: Vec::new(),
            show: Vec::new(),
        }
    }
}

impl LoggingOptions {
    fn middleware(self) -> Logging {
        Logging::new()
            .levels(self.success_level, self.error_level)
            .bodies(self.bodies)
            .length(self.length)
            .redaction(Redaction::standard().without(self.show).with(self.redact))
    }
}

/// Sends calls again that failed for a reason that passes.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct RetryOptions {
    /// How often a call is sent at most, the first time counted.
    #[schemars(range(min = 1))]
    attempts: u32,
    /// How long one attempt may take; as long as the caller waits unless it is set.
    #[schemars(extend("x-minimum" = "1ms"))]
    attempt_timeout: Option<Period>,
    /// Of what time the first pause is a random part. It doubles with every attempt.
    #[garde(custom(not_over(self.longest_pause)))]
    pause: Period,
    /// How long that time becomes at most.
    longest_pause: Period,
    /// Codes of errors that are a reason, too, besides `OVERLOADED`.
    #[schemars(inner(length(min = 1)))]
    codes: Vec<String>,
    /// How many attempts beyond the first there may be for each call, on average over the calls of one service.
    #[schemars(range(min = 0, max = 1))]
    share: f64,
    /// How many of these may be made before there were any calls.
    reserve: u32,
}

fn not_over(longest: Period) -> impl FnOnce(&Period, &()) -> garde::Result {
    move |pause, ()| match *pause > longest {
        true => {
            let rule = format!("expected at most `longest_pause`, which is {longest}");
            Err(garde::Error::new(rule))
        }
        false => Ok(()),
    }
}

impl Default for RetryOptions {
    fn default() -> Self {
        let retry = Retry::default();
        Self {
            attempts: retry.attempts,
            attempt_timeout: retry.attempt_timeout.map(Period::new),
            pause: retry.pause.into(),
            longest_pause: retry.longest_pause.into(),
            codes: Vec::new(),
            share: retry.share,
            reserve: retry.reserve,
        }
    }
}

impl RetryOptions {
    fn middleware(self) -> Retry {
        let mut retry = Retry::new()
            .attempts(self.attempts)
            .pauses(self.pause.get(), self.longest_pause.get())
            .budget(self.share, self.reserve);
        if let Some(time) = self.attempt_timeout {
            retry = retry.attempt_timeout(time.get());
        }
        self.codes.into_iter().fold(retry, Retry::on_code)
    }
}

/// Does not call services that do not answer.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct BreakerOptions {
    /// Which part of the calls must fail so that a service is left alone.
    #[schemars(range(min = 0.001, max = 1))]
    failure_rate: f64,
    /// How many calls there must have been in the window.
    #[schemars(range(min = 1))]
    minimum_calls: u32,
    /// How far back calls count.
    #[schemars(extend("x-minimum" = "10ms"))]
    window: Period,
    /// How long a service is left alone before one call is let through.
    #[schemars(extend("x-minimum" = "1ms"))]
    open_for: Period,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        let rules = CircuitBreaker::default().rules;
        Self {
            failure_rate: rules.failure_rate,
            minimum_calls: rules.minimum_calls,
            window: rules.window.into(),
            open_for: rules.open_for.into(),
        }
    }
}

impl BreakerOptions {
    fn middleware(self) -> CircuitBreaker {
        CircuitBreaker::new()
            .failure_rate(self.failure_rate)
            .minimum_calls(self.minimum_calls)
            .window(self.window.get())
            .open_for(self.open_for.get())
    }
}

/// Uses answers again, of actions that allow it.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct CacheOptions {
    /// How many answers are kept at most.
    max_entries: usize,
    /// How many bytes the answers that are kept have at most.
    max_bytes: usize,
    /// The keys of the context that an answer depends on; all of them unless it is set.
    #[schemars(inner(length(min = 1)))]
    context_keys: Option<Vec<String>>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        let cache = ResultCache::default();
        Self {
            max_entries: cache.max_entries,
            max_bytes: cache.max_bytes,
            context_keys: None,
        }
    }
}

impl CacheOptions {
    fn middleware(self) -> ResultCache {
        let cache = ResultCache::new()
            .max_entries(self.max_entries)
            .max_bytes(self.max_bytes);
        match self.context_keys {
            Some(keys) => cache.context_keys(keys),
            None => cache,
        }
    }
}
