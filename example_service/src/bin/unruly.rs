//! A service that behaves as no service should, for the tests of what the framework does about it; and a small example
//! of hooks and of a section of settings.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::cli::with_server;
use soa::settings::{Period, Settings};
use soa::{ActionError, service};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
struct Section {
    /// What becomes of the startup hook.
    startup: Fate,
    /// What becomes of the idle hook.
    idle: Fate,
    /// How long it is until there is nothing to do.
    idle_after: Period,
    /// What becomes of the teardown hook.
    teardown: Fate,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            startup: Fate::Ends,
            idle: Fate::Ends,
            idle_after: Period::from_secs(3600),
            teardown: Fate::Ends,
        }
    }
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Fate {
    Ends,
    Fails,
    Panics,
    Waits,
}

impl Fate {
    /// Suffers it.
    async fn befall(self, hook: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Whoever does not read shall not end the hook.
        let _ = writeln!(std::io::stderr(), "hook: {hook}");
        match self {
            Self::Ends => Ok(()),
            Self::Fails => Err(format!("there is no {hook} today").into()),
            Self::Panics => panic!("too early for {hook}"),
            Self::Waits => std::future::pending().await,
        }
    }
}

struct Unruly;

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct BlockRequest {
    /// For how many milliseconds.
    #[garde(skip)]
    milliseconds: u64,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct ExitRequest {
    /// With which code.
    #[garde(skip)]
    code: i32,
}

/// Behaves as no service should.
#[service(name = "unruly", version = "1.0.0")]
impl Unruly {
    /// Answers.
    #[action]
    async fn behave(&self) -> Result<(), ActionError> {
        Ok(())
    }

    /// Blocks its thread.
    #[action]
    async fn block(&self, request: BlockRequest) -> Result<(), ActionError> {
        std::thread::sleep(Duration::from_millis(request.milliseconds));
        Ok(())
    }

    /// Blocks a thread that is there for that.
    #[action(blocking)]
    fn grind(&self, request: BlockRequest) -> Result<(), ActionError> {
        let _ = writeln!(std::io::stderr(), "it grinds");
        std::thread::sleep(Duration::from_millis(request.milliseconds));
        Ok(())
    }

    /// Ends the process.
    #[action]
    async fn exit(&self, request: ExitRequest) -> Result<(), ActionError> {
        std::process::exit(request.code)
    }
}

fn main() -> ExitCode {
    soa::main(async |settings: Settings<Section>| {
        let Section {
            startup,
            idle,
            idle_after,
            teardown,
        } = settings.service;
        Ok(with_server(Unruly, move |server| {
            server
                .on_startup(move |_| startup.befall("startup"))
                .on_idle(idle_after.get(), move |_| async move {
                    let _ = idle.befall("idle").await;
                })
                .on_teardown(move |_| async move {
                    let _ = teardown.befall("teardown").await;
                })
        }))
    })
}
