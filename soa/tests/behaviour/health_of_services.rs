//! Health checks that are methods of a service, and what `status` tells of the service itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use soa::health::{Health, HealthCheck};
use soa::{
    ActionError, Client, Context, IntoServer, LocalTransport, Server, Service, Value, service,
    value,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Shop {
    runs: AtomicUsize,
}

/// Sells things.
#[service(name = "shop")]
impl Shop {
    #[action]
    async fn stock(&self) -> Result<Value, ActionError> {
        Ok(value!({ "runs": (self.runs.load(Ordering::SeqCst)) }))
    }

    #[health_check]
    async fn disk(&self) -> Health {
        Health::ok().diagnostic("free_bytes", 7_000)
    }

    #[health_check(name = "stock-list", cached = "1m")]
    async fn stock_list(&self) -> Health {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        sleep(2 * SECOND).await;
        Health::warning("OLD", format!("Run {run}"))
    }

    #[health_check(slow_after = "1s 500ms")]
    async fn database(&self, cx: &Context) -> Result<(), ActionError> {
        sleep(2 * SECOND).await;
        match cx.service() {
            "shop" => Ok(()),
            other => Err(ActionError::server("ELSEWHERE", other.to_owned())),
        }
    }

    #[health_check(timeout = "3s")]
    async fn supplier(&self) {
        std::future::pending().await
    }

    #[health_check]
    async fn till(&self) -> Result<Health, ActionError> {
        assert!(std::hint::black_box(false), "on purpose");
        Ok(Health::ok())
    }
}

fn client(server: impl IntoServer) -> Client {
    let server = server.into_server().unwrap();
    Client::builder()
        .service(server.name().to_owned(), LocalTransport::new(server))
        .build()
        .unwrap()
}

async fn status(client: &Client, service: &'static str) -> Value {
    client.call_action(service, "status", &()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn slow_panicking_hanging_and_cached_checks_are_probed_at_once() {
    let client = client(Shop::default());
    let started = Instant::now();
    let probes = join_all((0..10).map(|_| status(&client, "shop"))).await;
    assert_eq!(started.elapsed(), 3 * SECOND, "all ran side by side");
    let expected = value!({
        "errors": [
            ["HEALTH_CHECK_TIMEOUT", "The check `supplier` was not done within 3s"],
            ["HEALTH_CHECK_PANICKED", "The check `till` panicked"]
        ],
        "warnings": [
            ["OLD", "Run 0"],
            ["HEALTH_CHECK_SLOW", "The check `database` took 2.0s"]
        ],
        "diagnostics": { "free_bytes": 7_000, "health_check_ages": { "stock-list": 0.0 } }
    });
    for status in probes {
        assert_eq!(status.get("healthcheck"), Some(&expected));
    }
}

#[tokio::test(start_paused = true)]
async fn checks_of_the_program_come_behind_those_of_the_service() {
    let late = HealthCheck::new("late", |_| async { Health::warning("LATE", "Added") });
    let client = client(Server::builder(Shop::default()).health_check(late));
    let status = status(&client, "shop").await;
    let warnings = status.get("healthcheck").unwrap().get("warnings").unwrap();
    let codes: Vec<_> = (warnings.as_list().unwrap().iter())
        .map(|warning| warning.as_list().unwrap()[0].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["OLD", "HEALTH_CHECK_SLOW", "LATE"]);
}

/// What a bank offers, in words of its own.
#[service(name = "bank", version = "7.1")]
trait Bank {
    #[action]
    async fn balance(&self) -> Result<Value, ActionError>;
}

/// What a post office offers. Its implementations say which version they are.
#[service(name = "post")]
trait Post {
    #[action]
    async fn weigh(&self) -> Result<Value, ActionError>;
}

struct Office<const COUNTERS: usize>;

#[service]
impl<const COUNTERS: usize> Post for Office<COUNTERS> {
    async fn weigh(&self) -> Result<Value, ActionError> {
        Ok(value!({ "grams": 20 }))
    }

    #[health_check(name = "counters")]
    async fn open_counters(&self) -> Health {
        self.count()
    }
}

impl<const COUNTERS: usize> Office<COUNTERS> {
    fn count(&self) -> Health {
        Health::ok().diagnostic("counters", COUNTERS)
    }
}

struct SavingsBank;

#[service]
impl Bank for SavingsBank {
    #[health_check]
    async fn safe(&self) -> Health {
        Health::error("SAFE_OPEN", "The safe is open")
    }

    async fn balance(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }
}

#[tokio::test]
async fn the_impl_of_a_contract_has_checks_of_its_own() {
    let status = status(&client(Office::<3>), "post").await;
    let expected = value!({ "errors": [], "warnings": [], "diagnostics": { "counters": 3 } });
    assert_eq!(status.get("healthcheck"), Some(&expected));

    let status = self::status(&client(SavingsBank), "bank").await;
    let errors = status.get("healthcheck").unwrap().get("errors");
    assert_eq!(errors, Some(&value!([["SAFE_OPEN", "The safe is open"]])));
}

#[tokio::test]
async fn the_version_is_that_of_the_crate_unless_it_is_written_down() {
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(Shop::DESCRIPTOR.version(), own);
    assert_eq!(Office::<1>::DESCRIPTOR.version(), own);
    assert_eq!(SavingsBank::DESCRIPTOR.version(), "7.1");
    let status = status(&client(Office::<1>), "post").await;
    assert_eq!(status.get("version"), Some(&own.into()));
}

#[tokio::test]
async fn the_build_is_told_where_there_is_one() {
    // Nobody sets `SOA_BUILD` for this crate.
    assert_eq!(Shop::BUILD, option_env!("SOA_BUILD"));
    let brief = value!({ "verbose": false });
    for (set, told) in [(Some("7f3a2c1"), Some("7f3a2c1")), (Some(""), None)] {
        let mut builder = Server::builder(Shop::default());
        if let Some(build) = set {
            builder = builder.build_id(build);
        }
        let client = client(builder);
        let status = client.call_action("shop", "status", &brief).await.unwrap();
        assert_eq!(status.get("build").and_then(Value::as_str), told);
        let keys = status.as_map().unwrap().len();
        assert_eq!(keys, 4 + usize::from(told.is_some()));
    }
}

struct Own;

#[service(name = "own", version = "1.0.0")]
impl Own {
    /// Tells nothing but this.
    #[action(name = "status")]
    async fn own_status(&self, request: Value) -> Result<Value, ActionError> {
        Ok(value!({ "own": true, "request": (request) }))
    }

    /// Lists by hand.
    #[action]
    async fn introspect(&self) -> Result<Value, ActionError> {
        Ok(value!({ "action_names": ["by hand"] }))
    }
}

#[tokio::test]
async fn a_status_and_an_introspect_of_the_service_replace_the_built_in_ones() {
    let server = Server::builder(Own).build().unwrap();
    assert_eq!(server.action_names(), ["introspect", "status"]);
    let client = client(server);
    let own = OwnClient::new(&client);
    let answer = own.own_status(value!({ "verbose": false })).await.unwrap();
    assert_eq!(
        answer,
        value!({ "own": true, "request": { "verbose": false } })
    );
    let answer = client.call_action("own", "introspect", &()).await.unwrap();
    assert_eq!(answer, value!({ "action_names": ["by hand"] }));
}

#[tokio::test]
async fn a_status_registered_by_name_replaces_the_built_in_one_and_is_introspected_as_what_it_is() {
    let server = Server::untyped("tools", "1.0.0")
        .action("status", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({ "own": true }))
        })
        .build()
        .unwrap();
    let client = client(server);
    assert_eq!(status(&client, "tools").await, value!({ "own": true }));
    let told = client.call_action("tools", "introspect", &()).await;
    let told = told.unwrap();
    assert_eq!(
        told.get("action_names"),
        Some(&value!(["introspect", "status"]))
    );
    let expected = value!({
        "documentation": nil,
        "request_schema": nil,
        "response_schema": nil
    });
    assert_eq!(told.get("actions").unwrap().get("status"), Some(&expected));
}

#[tokio::test]
async fn an_introspect_registered_by_name_replaces_the_built_in_one() {
    let server = Server::builder(Shop::default())
        .action("introspect", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .build()
        .unwrap();
    let body = value!({ "anything": 1 });
    let answer = client(server).call_action("shop", "introspect", &body);
    assert_eq!(answer.await.unwrap(), body);
}
