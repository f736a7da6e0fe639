//! The settings of the middleware that the framework ships.

use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use soa_redis::RedisRecords;
use soa_redis::{RedisConnection, RedisSettings};
use soa_runtime::middleware::{CircuitBreaker, Logging, Record, ResultCache, Retry, WhenFull};
use soa_runtime::period::Period;
use soa_runtime::redact::Redaction;
use soa_runtime::secret::Secret;
use soa_runtime::{BuildError, LogLevel};

use super::middleware::KnownMiddleware;

impl KnownMiddleware {
    /// The middleware that the framework ships: `logging` and `record` for servers; `logging`, `result_cache`, `retry` and
    /// `circuit_breaker` for clients.
    ///
    /// ```
    /// use soa::settings::{NoSection, Settings};
    ///
    /// // It is the default of a loader.
    /// let settings = Settings::<NoSection>::loader()
    ///     .defaults(r#"client_middleware = [{ name = "retry", attempts = 2 }, { name = "circuit_breaker" }]"#)
    ///     .load()?;
    /// let client = settings.client()?.build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shipped() -> Self {
        Self::none()
            .server("logging", |settings: LoggingOptions, server| {
                Ok(server.job_middleware(settings.middleware()))
            })
            .server("record", |settings: RecordOptions, server| {
                Ok(server.action_middleware(settings.middleware()?))
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
}

/// One record in the log for each job or call, with secrets redacted.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct LoggingOptions {
    /// Level of the record of a success; `off` for no record.
    success_level: LogLevel,
    /// Level of the record of a failure; `off` for no record.
    error_level: LogLevel,
    /// True if the record contains requests and responses.
    bodies: bool,
    /// Largest number of bytes of the context, of the request and of the response in the record.
    length: usize,
    /// Names of fields to redact in addition to the usual ones.
    #[schemars(inner(length(min = 1)))]
    redact: Vec<String>,
    /// Names of usual fields that are not redacted.
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

/// Requests and answers in a file or in Redis, with secrets removed, for `soa replay`. Actions never wait for it: what cannot
/// be recorded in time is dropped and counted.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
struct RecordOptions {
    /// File to which a line of JSON is added for each action; either this or `redis`.
    #[garde(custom(one_place(self.redis.is_some())))]
    #[serde(default)]
    file: Option<PathBuf>,
    /// Address of the Redis in which a stream gets them, `{pysoa:service.NAME}.recorded`: `HOST:PORT`, or
    /// `redis://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[serde(default)]
    redis: Option<Secret>,
    /// Number of records that the stream in Redis keeps, roughly.
    #[serde(default = "defaults::stream_length")]
    stream_length: u64,
    /// Share of actions that are recorded, from 0 to 1.
    #[serde(default = "defaults::share")]
    #[schemars(range(min = 0, max = 1))]
    share: f64,
    /// Largest number of records a second.
    #[serde(default = "defaults::rate")]
    rate: u32,
    /// Largest size of a request and its answer together, in bytes. Larger ones are not recorded.
    #[serde(default = "defaults::record_size")]
    record_size: usize,
    /// Largest size of the file, in bytes.
    #[serde(default = "defaults::file_size")]
    file_size: u64,
    /// Treatment of a full file: `rotate` moves it to `FILE.1` in place of the one there, and begins anew; `stop` records
    /// nothing until it is taken away.
    #[serde(default)]
    when_full: FullFile,
    /// Names of the actions that are recorded; by default all but `status` and `introspect`.
    #[schemars(inner(length(min = 1)))]
    #[serde(default)]
    actions: Option<Vec<String>>,
    /// Names of fields to redact in addition to the usual ones.
    #[schemars(inner(length(min = 1)))]
    #[serde(default)]
    redact: Vec<String>,
    /// Names of usual fields that are not redacted.
    #[schemars(inner(length(min = 1)))]
    #[serde(default)]
    show: Vec<String>,
}

fn one_place(has_redis: bool) -> impl FnOnce(&Option<PathBuf>, &()) -> garde::Result {
    move |file, ()| match (file, has_redis) {
        (Some(_), true) => Err(garde::Error::new(
            "expected either `file` or `redis`, found both",
        )),
        (None, false) => Err(garde::Error::new("expected a file, or `redis`")),
        _ => Ok(()),
    }
}

/// The choices of [`WhenFull`], by their names.
#[derive(Clone, Copy, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum FullFile {
    #[default]
    Rotate,
    Stop,
}

/// The defaults of the keys that stand beside the required one.
mod defaults {
    use soa_runtime::middleware::{Record, RecordRules};

    fn rules() -> RecordRules {
        Record::to_file("").rules().clone()
    }

    pub(super) fn share() -> f64 {
        rules().share
    }

    pub(super) fn rate() -> u32 {
        rules().max_rate
    }

    pub(super) fn record_size() -> usize {
        rules().max_record_bytes
    }

    pub(super) fn stream_length() -> u64 {
        10_000
    }

    pub(super) fn file_size() -> u64 {
        rules().max_file_bytes
    }
}

impl RecordOptions {
    fn middleware(self) -> Result<Record, BuildError> {
        let when_full = match self.when_full {
            FullFile::Rotate => WhenFull::Rotate,
            FullFile::Stop => WhenFull::Stop,
        };
        let place = match self.redis {
            Some(address) => {
                let settings = address.expose().parse::<RedisSettings>();
                let settings = settings.map_err(|error| {
                    BuildError::new(format!("`redis` of the middleware `record`: {error}"))
                })?;
                let records = RedisRecords::on(&RedisConnection::new(settings)?);
                Record::to_sink(records.max_records(self.stream_length))
            }
            None => Record::to_file(self.file.unwrap_or_default()),
        };
        let record = place
            .share(self.share)
            .max_rate(self.rate)
            .max_record_bytes(self.record_size)
            .max_file_bytes(self.file_size)
            .when_full(when_full)
            .redaction(Redaction::standard().without(self.show).with(self.redact));
        Ok(match self.actions {
            Some(actions) => record.actions(actions),
            None => record,
        })
    }
}

/// Further attempts of idempotent calls that failed for a transient reason.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct RetryOptions {
    /// Largest number of attempts for a call, including the first.
    #[schemars(range(min = 1))]
    attempts: u32,
    /// Time limit of one attempt; by default the time that the caller waits.
    #[schemars(extend("x-minimum" = "1ms"))]
    attempt_timeout: Option<Period>,
    /// Upper limit of the first pause, which has a random length below it. The limit doubles with each attempt.
    #[garde(custom(not_over(self.longest_pause)))]
    pause: Period,
    /// Upper limit of all pauses.
    longest_pause: Period,
    /// Codes of errors after which a call is repeated, in addition to `OVERLOADED`.
    #[schemars(inner(length(min = 1)))]
    codes: Vec<String>,
    /// Repeated attempts per call, on average over the calls of one service.
    #[schemars(range(min = 0, max = 1))]
    share: f64,
    /// Repeated attempts that are available at the start, and the most that can be saved up.
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

/// A circuit breaker: after too many failures of a service, its calls fail at once for a while.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct BreakerOptions {
    /// Share of failed calls, from 0 to 1, at which the circuit opens.
    #[schemars(range(min = 0.001, max = 1))]
    failure_rate: f64,
    /// Smallest number of calls in the window for the circuit to open.
    #[schemars(range(min = 1))]
    minimum_calls: u32,
    /// Time for which calls are counted.
    #[schemars(extend("x-minimum" = "10ms"))]
    window: Period,
    /// Time for which calls fail at once, before one call is let through as a test.
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

/// A cache for responses of actions that allow it.
#[derive(Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields, default)]
struct CacheOptions {
    /// Largest number of cached responses.
    max_entries: usize,
    /// Largest size of all cached responses together, in bytes.
    max_bytes: usize,
    /// Keys of the context that responses depend on; by default all.
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
