//! The section `server`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
#[cfg(feature = "http")]
use soa_http::HttpSettings;
#[cfg(feature = "http")]
use soa_registry::RegistrySettings;
use soa_runtime::period::Period;
use soa_runtime::server::{ServerBuilder, is_wire_name};
use soa_runtime::transport::Delivery;
use soa_runtime::{BuildError, Watchdog};

#[cfg(not(feature = "http"))]
use super::http::{HttpSettings, RegistrySettings};
use super::middleware::{MiddlewareSettings, ServerMiddlewareSchema};
use super::suggestion::advice_for_name;
use super::transport::{TransportSettings, default_transport};

/// Server that runs the service.
///
/// A field that is `None` leaves the value of the program.
///
/// ```
/// use soa::Server;
/// use soa::settings::{NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader().set("server.concurrency=8").load()?;
/// let server = settings.server.apply(Server::untyped("tools", "1.0.0"))?.build()?;
/// assert_eq!(server.concurrency(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`main`](fn@crate::main) calls [`apply`](Self::apply), other programs do it themselves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Name of the service on the wire; by default its own.
    #[serde(deserialize_with = "name")]
    pub name: Option<String>,
    /// Build that `status` reports; by default that of the program.
    pub build_id: Option<String>,
    /// Number of threads that run handlers. One is fastest if handlers wait more than they compute.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: usize,
    /// Largest number of jobs in flight; by default the value of the program, or 256.
    #[schemars(range(min = 1, max = 268_435_456))]
    pub concurrency: Option<usize>,
    /// True if the process tells a record of itself every two seconds, into a key of Redis that expires: for the program
    /// `soa`, which shows a fleet. A login needs the pattern `~{pysoa:*` for it.
    pub records: bool,
    /// Largest number of actions in one job; by default the value of the program, or 10,000. A job with more is answered
    /// with the error `REQUEST_TOO_LARGE`.
    #[schemars(range(min = 1))]
    pub max_actions: Option<usize>,
    /// Time limit of a job, however long its caller waits; by default the value of the program, or none.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub job_timeout: Option<Period>,
    /// True if a job is cancelled when its caller no longer waits; by default the value of the program, or `true`.
    pub honors_caller_timeouts: Option<bool>,
    /// Number of times that requests are delivered if the process that runs them crashes; by default the value of the program,
    /// or `auto`: at least once for idempotent actions, if the service has some and Redis allows it. With `at-most-once`, a
    /// request is lost with the process that has taken it. With `at-least-once`, the server does not start if Redis does not
    /// allow it.
    pub delivery: Option<Delivery>,
    /// Number of processes that a job may end before it is not run again, and is a dead letter; by default the value of the
    /// program, or 3. `#[action(crash_limit = …)]` goes first.
    #[schemars(range(min = 1, max = 255))]
    pub crash_limit: Option<u8>,
    /// Time that running jobs have to end when the server is stopped. Then they are cancelled, and answered with
    /// `ACTION_TIMEOUT`.
    pub shutdown_grace: Period,
    /// Time limit of the teardown hooks of the service; by default the value of the program, or 10 s.
    pub teardown_grace: Option<Period>,
    /// Heartbeat file: contains the time in seconds since 1970, written about once a second while the run loop works, and
    /// is removed when the server has stopped. `{{pid}}` in its name stands for the process id, `{{fid}}` for the number
    /// of the process of `--fork`: 1 and so on, and `main` without `--fork`.
    #[schemars(length(min = 1))]
    #[serde(deserialize_with = "heartbeat_file")]
    pub heartbeat_file: Option<String>,
    /// Limits for restarting a process of `--fork` that exits by itself, each a number of restarts within a time. A process
    /// that reaches a limit is given up for the time in `respawn_after`. An empty list sets no limit.
    #[schemars(extend("default" = default_respawn_limits()))]
    pub respawn_limits: Vec<RespawnLimit>,
    /// Time after which a process of `--fork` that was given up is started again, as long as another one serves.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub respawn_after: Period,
    /// True if errors contain internal details for callers; by default the value of the program, or `false`.
    pub tracebacks: Option<bool>,
    /// True if callers get the texts of panics and other internal errors, and not only an id that is in the log, too; by
    /// default the value of the program, or `false`.
    pub tell_internal_errors: Option<bool>,
    /// Middleware around jobs and actions, by name, outermost first. Middleware that the program adds itself is inside of it.
    #[schemars(with = "Vec<ServerMiddlewareSchema>")]
    pub middleware: Vec<MiddlewareSettings>,
    /// Watchdog for handlers that block their thread.
    pub watchdog: WatchdogSettings,
    /// Transport that requests come from. Where the program serves HTTP, it takes requests from a transport only if this key
    /// is set.
    #[schemars(extend("default" = default_transport()))]
    pub transport: TransportSettings,
    /// HTTP in front of the service. Needs the feature `http`.
    pub http: HttpSettings,
    /// Registry to which the components of the program are known while they are served over HTTP; none by default. Needs the
    /// feature `http`.
    pub registry: Option<RegistrySettings>,
    /// True if a source has the key `transport`.
    #[serde(skip)]
    pub(crate) has_transport: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            name: None,
            build_id: None,
            workers: 1,
            concurrency: None,
            records: true,
            max_actions: None,
            job_timeout: None,
            honors_caller_timeouts: None,
            delivery: None,
            crash_limit: None,
            shutdown_grace: Period::from_secs(30),
            teardown_grace: None,
            heartbeat_file: None,
            respawn_limits: vec![
                RespawnLimit::new(3, Period::from_secs(15)),
                RespawnLimit::new(8, Period::from_secs(60)),
            ],
            respawn_after: Period::from_secs(60),
            tracebacks: None,
            tell_internal_errors: None,
            middleware: Vec::new(),
            watchdog: WatchdogSettings::default(),
            transport: TransportSettings::default(),
            http: HttpSettings::default(),
            registry: None,
            has_transport: false,
        }
    }
}

/// A limit for restarting a process: a number of restarts within a time.
///
/// ```
/// use soa::settings::{Period, RespawnLimit};
///
/// let limit = RespawnLimit::new(3, Period::from_secs(15));
/// assert_eq!((limit.times, limit.within.to_string()), (3, "15s".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RespawnLimit {
    /// Largest number of restarts.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub times: usize,
    /// Time in which they are counted.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub within: Period,
}

impl RespawnLimit {
    /// Makes a limit.
    pub const fn new(times: usize, within: Period) -> Self {
        Self { times, within }
    }
}

fn default_respawn_limits() -> Json {
    json!([{ "times": 3, "within": "15s" }, { "times": 8, "within": "1m" }])
}

/// Watchdog for handlers that block their thread. PySOA calls it harakiri.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader().set("server.watchdog.enabled=false").load()?;
/// assert!(settings.server.watchdog.watchdog().is_none());
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct WatchdogSettings {
    /// True if the watchdog runs.
    pub enabled: bool,
    /// Time after which a blocking handler is logged.
    #[schemars(extend("x-minimum" = "100ms"))]
    pub warn_after: Period,
    /// Time after which a blocking handler ends the process, for a supervisor to restart it; `0s` for never.
    pub exit_after: Period,
    /// Time that the other jobs have to end before the process does.
    pub grace: Period,
}

impl Default for WatchdogSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            warn_after: Period::from_secs(1),
            exit_after: Period::from_secs(300),
            grace: Period::from_secs(30),
        }
    }
}

impl WatchdogSettings {
    /// Makes the watchdog; `None` if it is off. The caller starts it.
    pub fn watchdog(&self) -> Option<Watchdog> {
        let watchdog = Watchdog::new().warn_after(self.warn_after.get());
        let exit_after = self.exit_after.get();
        if !self.enabled {
            None
        } else if exit_after.is_zero() {
            Some(watchdog)
        } else {
            Some(watchdog.exit_after(exit_after, self.grace.get()))
        }
    }
}

impl ServerSettings {
    /// Returns true if the program serves HTTP.
    pub(crate) fn serves_http(&self) -> bool {
        #[cfg(feature = "http")]
        return self.http.address.is_some() || !self.http.components.is_empty();
        #[cfg(not(feature = "http"))]
        false
    }

    /// Fills in the defaults that depend on other settings.
    pub(crate) fn complete(&mut self) {
        #[cfg(feature = "http")]
        if self.registry.is_some() {
            // The time in which most watchers of a registry notice.
            let delay = Period::from_secs(2);
            self.http.drain_delay.get_or_insert(delay);
        }
    }

    /// Returns true if the program takes requests from its transport: it has an own one, or there is no HTTP.
    pub(crate) fn takes_from_transport(&self) -> bool {
        self.has_transport || !self.serves_http()
    }

    /// Applies the settings to a server. The middleware in them becomes the outermost.
    ///
    /// # Errors
    /// A middleware in the settings fails.
    pub fn apply(&self, mut server: ServerBuilder) -> Result<ServerBuilder, BuildError> {
        if let Some(name) = &self.name {
            server = server.name(name.clone());
        }
        if let Some(build) = &self.build_id {
            server = server.build_id(build.clone());
        }
        if let Some(jobs) = self.concurrency {
            server = server.concurrency(jobs);
        }
        server = server.records(self.records);
        if let Some(actions) = self.max_actions {
            server = server.max_actions(actions);
        }
        if let Some(timeout) = self.job_timeout {
            server = server.job_timeout(timeout.get());
        }
        if let Some(honors) = self.honors_caller_timeouts {
            server = server.honors_caller_timeouts(honors);
        }
        if let Some(delivery) = self.delivery {
            server = server.delivery(delivery);
        }
        if let Some(crashes) = self.crash_limit {
            server = server.crash_limit(crashes);
        }
        if let Some(grace) = self.teardown_grace {
            server = server.teardown_grace(grace.get());
        }
        if let Some(tracebacks) = self.tracebacks {
            server = server.tracebacks(tracebacks);
        }
        if let Some(tells) = self.tell_internal_errors {
            server = server.tell_internal_errors(tells);
        }
        server.with_outer_middleware(|server| {
            let mut middleware = self.middleware.iter();
            middleware.try_fold(server, |server, one| one.around_server(server))
        })
    }
}

/// Deserializes the name of a heartbeat file, and checks its placeholders.
fn heartbeat_file<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let file = Option::<String>::deserialize(deserializer)?;
    for placeholder in file.iter().flat_map(|file| file.split("{{").skip(1)) {
        let known = ["pid", "fid"];
        let wrong = match placeholder.split_once("}}") {
            Some((name, _)) if known.contains(&name) => continue,
            Some((name, _)) => {
                let advice = advice_for_name(name, known.into_iter());
                format!("unknown placeholder `{name}`{advice}")
            }
            None => "`{{` without a closing `}}`".to_owned(),
        };
        return Err(serde::de::Error::custom(wrong));
    }
    Ok(file)
}

/// Deserializes the name of a service.
fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    if name.as_deref().is_none_or(is_wire_name) {
        return Ok(name);
    }
    let rule = "expected a letter, followed by letters, digits, `_`, `-` and `.`";
    Err(serde::de::Error::custom(rule))
}
