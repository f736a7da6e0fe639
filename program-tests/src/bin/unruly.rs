//! A service that misbehaves: it blocks, panics, exits and never ends, for the tests of the framework's reactions. It also
//! shows hooks and a section of settings of its own.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::cli::with_server;
use soa::health::Health;
use soa::settings::{Period, Settings};
use soa::{ActionError, Context, service};

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
        say(&format!("hook: {hook}"));
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

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct RelayRequest {
    /// The services to go through, the next one first.
    #[garde(skip)]
    through: Vec<String>,
    /// How long the last one takes.
    #[garde(skip)]
    milliseconds: u64,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct RelayResponse {
    /// How many milliseconds were left at each service, this one first.
    #[garde(skip)]
    left: Vec<u64>,
}

/// Says that a relay is over, however it ends.
struct Over;

impl Drop for Over {
    fn drop(&mut self) {
        say("a relay is over");
    }
}

/// Whoever does not read shall not end what goes on.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
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
        say("it grinds");
        std::thread::sleep(Duration::from_millis(request.milliseconds));
        Ok(())
    }

    /// Ends the process.
    #[action]
    async fn exit(&self, request: ExitRequest) -> Result<(), ActionError> {
        std::process::exit(request.code)
    }

    /// Lets other services like this one do the same, one behind the other.
    #[action]
    async fn relay(
        &self,
        request: RelayRequest,
        cx: &Context,
    ) -> Result<RelayResponse, ActionError> {
        let _over = Over;
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

    /// Takes its time.
    #[health_check(slow_after = "50ms")]
    async fn queue(&self) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// Does not get to an end.
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

    /// Is not asked again soon.
    #[health_check(cached = "1h")]
    async fn scales(&self) -> Health {
        say("the scales are asked");
        tokio::time::sleep(Duration::from_millis(100)).await;
        Health::ok().diagnostic("weight", 7)
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
