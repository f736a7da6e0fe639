//! The section `server`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::middleware::{MiddlewareSettings, OfServer};
use super::suggest;
use super::transport::{TransportSettings, default_transport};
use soa_runtime::BuildError;
use soa_runtime::Watchdog;
use soa_runtime::period::Period;
use soa_runtime::server::{ServerBuilder, is_wire_name};

/// How the service is served.
///
/// What is `None` is left as the program has it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ServerSettings {
    /// The name to serve under; the service's own unless it is set.
    #[serde(deserialize_with = "name")]
    pub name: Option<String>,
    /// What `status` tells as the build; what the service was built as unless it is set.
    pub build_id: Option<String>,
    /// How many threads run handlers. One is fastest while handlers wait more than they compute.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: usize,
    /// How many jobs run side by side; 256 unless it is set, or the program says otherwise.
    #[schemars(range(min = 1, max = 268_435_456))]
    pub concurrency: Option<usize>,
    /// How long a job may run at most, whatever its caller waits; as long as it likes unless it is set.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub job_timeout: Option<Period>,
    /// Whether a job is given up when its caller waits no longer; `true` unless it is set, or the program says otherwise.
    pub honors_caller_timeouts: Option<bool>,
    /// How long the jobs that run may take to end when the server is told to stop. What runs then is given up, and
    /// answered with `ACTION_TIMEOUT`.
    pub shutdown_grace: Period,
    /// How long the teardown hooks of the service may take; 10 s unless it is set, or the program says otherwise.
    pub teardown_grace: Option<Period>,
    /// A file in which the server writes the time, in seconds since 1970, about once a second for as long as its run
    /// loop goes on, and which it removes at its end. `{{pid}}` in its name is the number of the process, `{{fid}}` that
    /// of `--fork`: 1 and so on, and `main` without it.
    #[schemars(length(min = 1))]
    #[serde(deserialize_with = "heartbeat_file")]
    pub heartbeat_file: Option<String>,
    /// How often a process of `--fork` is started again after it has ended by itself: so many times within such a time. One
    /// that would break a limit is given up; without any limit it is always started again.
    #[schemars(extend("default" = default_respawn_limits()))]
    pub respawn_limits: Vec<RespawnLimit>,
    /// Whether errors tell callers their internal detail; `false` unless it is set, or the program says otherwise.
    pub tracebacks: Option<bool>,
    /// Middleware around jobs and actions, by name, the outermost first. What a program adds itself is further in.
    #[schemars(with = "Vec<OfServer>")]
    pub middleware: Vec<MiddlewareSettings>,
    /// What is done about handlers that block their thread.
    pub watchdog: WatchdogSettings,
    /// Where requests come from.
    #[schemars(extend("default" = default_transport()))]
    pub transport: TransportSettings,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            name: None,
            build_id: None,
            workers: 1,
            concurrency: None,
            job_timeout: None,
            honors_caller_timeouts: None,
            shutdown_grace: Period::from_secs(30),
            teardown_grace: None,
            heartbeat_file: None,
            respawn_limits: vec![
                RespawnLimit::new(3, Period::from_secs(15)),
                RespawnLimit::new(8, Period::from_secs(60)),
            ],
            tracebacks: None,
            middleware: Vec::new(),
            watchdog: WatchdogSettings::default(),
            transport: TransportSettings::default(),
        }
    }
}

/// How often a process is started again within some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RespawnLimit {
    /// How often.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub times: usize,
    /// Within which time.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub within: Period,
}

impl RespawnLimit {
    /// So often within such a time.
    pub const fn new(times: usize, within: Period) -> Self {
        Self { times, within }
    }
}

fn default_respawn_limits() -> Json {
    json!([{ "times": 3, "within": "15s" }, { "times": 8, "within": "1m" }])
}

/// What is done about handlers that block their thread. The reference calls it harakiri.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct WatchdogSettings {
    /// Whether anything looks after them.
    pub enabled: bool,
    /// How long a handler may block before it is logged; at least a tenth of a second.
    #[schemars(extend("x-minimum" = "100ms"))]
    pub warn_after: Period,
    /// How long a handler may block before the process ends, for a supervisor to start it again; `0s` for as long as it
    /// likes.
    pub exit_after: Period,
    /// How long the other jobs may take to end before that.
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
    /// The watchdog, to be started; `None` where it is off.
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
    /// The same server, with what is set here. The middleware becomes the outermost.
    ///
    /// # Errors
    /// Middleware that cannot be made.
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
        if let Some(timeout) = self.job_timeout {
            server = server.job_timeout(timeout.get());
        }
        if let Some(honors) = self.honors_caller_timeouts {
            server = server.honors_caller_timeouts(honors);
        }
        if let Some(grace) = self.teardown_grace {
            server = server.teardown_grace(grace.get());
        }
        if let Some(tell) = self.tracebacks {
            server = server.tracebacks(tell);
        }
        server.with_outer_middleware(|server| {
            let mut middleware = self.middleware.iter();
            middleware.try_fold(server, |server, one| one.around_server(server))
        })
    }
}

/// The name of the file, whose places are known ones.
fn heartbeat_file<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let file = Option::<String>::deserialize(deserializer)?;
    for place in file.iter().flat_map(|file| file.split("{{").skip(1)) {
        let known = ["pid", "fid"];
        let wrong = match place.split_once("}}") {
            Some((name, _)) if known.contains(&name) => continue,
            Some((name, _)) => {
                let advice = suggest::name(name, known.into_iter());
                format!("there is no `{name}` to put into a name{advice}")
            }
            None => "a `{{` has no `}}`".to_owned(),
        };
        return Err(serde::de::Error::custom(wrong));
    }
    Ok(file)
}

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    if name.as_deref().is_none_or(is_wire_name) {
        return Ok(name);
    }
    let rule = "expected a letter, and then letters, digits, `_`, `-` and `.`";
    Err(serde::de::Error::custom(rule))
}
