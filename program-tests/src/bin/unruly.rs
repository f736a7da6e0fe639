//! A service that misbehaves, for the tests of the framework's reactions: it blocks, panics, exits and hangs. It also has
//! hooks, and a section of settings of its own.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::cli::with_server;
use soa::health::Health;
use soa::settings::{Period, Settings};
use soa::{ActionError, ActionErrors, Context, Program, service};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{self, Layer};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
struct Section {
    /// Outcome of the startup hook.
    startup: Outcome,
    /// Outcome of the idle hook.
    idle: Outcome,
    /// Time without a job after which the idle hook runs.
    idle_after: Period,
    /// Outcome of the teardown hook.
    teardown: Outcome,
    /// True if errors are reported.
    reports: bool,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            startup: Outcome::Ends,
            idle: Outcome::Ends,
            idle_after: Period::from_secs(3600),
            teardown: Outcome::Ends,
            reports: false,
        }
    }
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ends,
    Fails,
    Panics,
    Waits,
}

impl Outcome {
    /// Logs that a hook runs, and has this outcome.
    async fn run(self, hook: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        tracing::info!("hook: {hook}");
        match self {
            Self::Ends => Ok(()),
            Self::Fails => Err(format!("there is no {hook} today").into()),
            Self::Panics => panic!("too early for {hook}"),
            Self::Waits => std::future::pending().await,
        }
    }
}

struct Unruly;

/// Its own description.
#[derive(ActionErrors)]
enum Unable {
    /// It cannot behave.
    #[action_error(server)]
    NotInTheMood,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct BlockRequest {
    /// Time to block, in milliseconds.
    #[garde(skip)]
    milliseconds: u64,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct ExitRequest {
    /// Exit code.
    #[garde(skip)]
    code: i32,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct RelayRequest {
    /// Services to call one after the other, the next one first.
    #[garde(skip)]
    through: Vec<String>,
    /// Time that the last one takes, in milliseconds.
    #[garde(skip)]
    milliseconds: u64,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct RelayResponse {
    /// Milliseconds that were left at each service, this one first.
    #[garde(skip)]
    left: Vec<u64>,
}

/// Logs the end of a relay, also if it is cancelled.
struct LogEnd;

impl Drop for LogEnd {
    fn drop(&mut self) {
        log("a relay is over");
    }
}

/// Writes a line to the standard error. Unlike `eprintln!`, it does not panic if the other end is closed.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Behaves as no service should.
#[service(name = "unruly", version = "1.0.0")]
impl Unruly {
    /// Answers.
    #[action(idempotent, timeout = "1m")]
    async fn behave(&self) -> Result<(), Unable> {
        Ok(())
    }

    /// Blocks its thread.
    #[action]
    async fn block(&self, request: BlockRequest) -> Result<(), ActionError> {
        std::thread::sleep(Duration::from_millis(request.milliseconds));
        Ok(())
    }

    /// Blocks a thread for blocking work.
    #[action(blocking)]
    fn grind(&self, request: BlockRequest) -> Result<(), ActionError> {
        log("it grinds");
        std::thread::sleep(Duration::from_millis(request.milliseconds));
        Ok(())
    }

    /// Fails for a reason that callers do not get.
    #[action]
    async fn fail(&self) -> Result<(), ActionError> {
        Err(ActionError::internal("the secret reason"))
    }

    /// Ends the process.
    #[action]
    async fn exit(&self, request: ExitRequest) -> Result<(), ActionError> {
        std::process::exit(request.code)
    }

    /// Calls other services like this one, each of which calls the next.
    #[action]
    async fn relay(
        &self,
        request: RelayRequest,
        cx: &Context,
    ) -> Result<RelayResponse, ActionError> {
        let _log_end = LogEnd;
        let left = cx.time_left().unwrap_or(Duration::MAX).as_millis();
        let mut left = vec![u64::try_from(left).unwrap_or(u64::MAX)];
        let mut through = request.through.into_iter();
        match through.next() {
            Some(next) => {
                let through = through.collect();
                let request = RelayRequest { through, ..request };
                let next = UnrulyClient::named(&cx.soa_client(), next);
                left.extend(next.relay(request).await?.left);
            }
            None => tokio::time::sleep(Duration::from_millis(request.milliseconds)).await,
        }
        Ok(RelayResponse { left })
    }

    /// Is slow.
    #[health_check(slow_after = "50ms")]
    async fn queue(&self) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// Never ends.
    #[health_check(timeout = "100ms")]
    async fn bridge(&self) {
        std::future::pending().await
    }

    /// Panics.
    #[health_check]
    #[expect(clippy::panic, reason = "it behaves as no check should")]
    async fn boiler(&self) {
        panic!("too hot")
    }

    /// Has a cached result.
    #[health_check(cached = "1h")]
    async fn scales(&self) -> Health {
        log("the scales are asked");
        tokio::time::sleep(Duration::from_millis(100)).await;
        Health::ok().diagnostic("weight", 7)
    }
}

/// A layer that writes the fields of each error, as an error tracker would send them.
struct Reporter;

#[derive(Default)]
struct Report(String);

impl Visit for Report {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _ =
            std::fmt::Write::write_fmt(&mut self.0, format_args!(" {}={value:?}", field.name()));
    }
}

impl<S: Subscriber> Layer<S> for Reporter {
    fn on_event(&self, event: &Event<'_>, _context: layer::Context<'_, S>) {
        let mut report = Report::default();
        event.record(&mut report);
        log(&format!("reported:{}", report.0));
    }
}

fn main() -> ExitCode {
    let make = async |settings: Settings<Section>| {
        let Section {
            startup,
            idle,
            idle_after,
            teardown,
            ..
        } = settings.service;
        Ok(with_server(Unruly, move |server| {
            server
                .on_startup(move |_| startup.run("startup"))
                .on_idle(idle_after.get(), move |_| async move {
                    let _ = idle.run("idle").await;
                })
                .on_teardown(move |_| async move {
                    let _ = teardown.run("teardown").await;
                })
        }))
    };
    Program::new(make)
        .layer(|settings: &Settings<Section>| {
            if settings.service.reports {
                Ok(Reporter.with_filter(LevelFilter::ERROR))
            } else {
                Ok(Reporter.with_filter(LevelFilter::OFF))
            }
        })
        .run()
}
