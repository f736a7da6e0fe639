//! The settings of the middleware that is shipped.

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{KnownMiddleware, Period};
use crate::log_level::LogLevel;
use crate::middleware::{CircuitBreaker, Logging, ResultCache, Retry};
use crate::redact::Redaction;

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

#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct LoggingOptions {
    success_level: LogLevel,
    error_level: LogLevel,
    bodies: bool,
    length: usize,
    /// Names that are hidden besides the usual ones.
    redact: Vec<String>,
    /// Names that are shown although they are among the usual ones.
    show: Vec<String>,
}

impl Default for LoggingOptions {
    fn default() -> Self {
        Self {
            success_level: LogLevel::Info,
            error_level: LogLevel::Info,
            bodies: true,
            length: 2048,
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

#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct RetryOptions {
    #[schemars(range(min = 1))]
    attempts: u32,
    attempt_timeout: Option<Period>,
    pause: Period,
    longest_pause: Period,
    /// Codes besides `OVERLOADED`.
    codes: Vec<String>,
    #[schemars(range(min = 0, max = 1))]
    share: f64,
    reserve: u32,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            attempts: 3,
            attempt_timeout: None,
            pause: Period::new(std::time::Duration::from_millis(50)),
            longest_pause: Period::from_secs(2),
            codes: Vec::new(),
            share: 0.1,
            reserve: 10,
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

#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct BreakerOptions {
    #[schemars(range(min = 0, max = 1))]
    failure_rate: f64,
    #[schemars(range(min = 1))]
    minimum_calls: u32,
    window: Period,
    open_for: Period,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failure_rate: 0.5,
            minimum_calls: 20,
            window: Period::from_secs(10),
            open_for: Period::from_secs(5),
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

#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct CacheOptions {
    max_entries: usize,
    max_bytes: usize,
    context_keys: Option<Vec<String>>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            max_entries: 1000,
            max_bytes: 16 << 20,
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
