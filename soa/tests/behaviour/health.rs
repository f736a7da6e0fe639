//! Health checks: what `status` tells about what a service needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soa::health::{Health, HealthCheck};
use soa::{ActionError, Client, Context, LocalTransport, Server, ServerBuilder, Value, value};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

fn builder() -> ServerBuilder {
    Server::untyped("shop", "1.0.0")
}

fn client(builder: ServerBuilder) -> Client {
    Client::builder()
        .service("shop", LocalTransport::new(builder.build().unwrap()))
        .build()
        .unwrap()
}

async fn health(client: &Client) -> Value {
    let status = client.call_action("shop", "status", &()).await.unwrap();
    status.get("healthcheck").unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn findings_of_all_checks_come_in_the_order_in_which_they_were_added() {
    let checks = builder()
        .health_check(HealthCheck::new("late", |_| async {
            sleep(SECOND).await;
            Health::error("DISK_FULL", "No room").diagnostic("free_bytes", 0)
        }))
        .health_check(HealthCheck::new("early", |_| async {
            Health::warning("LAG", "Behind").and(Health::error("DOWN", "Gone"))
        }))
        .health_check(HealthCheck::new("well", |_| async {}))
        .health_check(HealthCheck::new("failing", |_| async {
            Err::<(), _>(ActionError::caller("NO_KEY", "The key is gone"))
        }));
    let expected = value!({
        "errors": [["DISK_FULL", "No room"], ["DOWN", "Gone"], ["NO_KEY", "The key is gone"]],
        "warnings": [["LAG", "Behind"]],
        "diagnostics": { "free_bytes": 0 }
    });
    assert_eq!(health(&client(checks)).await, expected);
}

#[tokio::test]
async fn a_brief_status_runs_no_check() {
    let checks = builder().health_check(HealthCheck::new("never", |_| async {
        panic!("it was told not to");
        #[allow(unreachable_code)]
        Health::ok()
    }));
    let client = client(checks);
    let body = value!({ "verbose": false });
    let status = client.call_action("shop", "status", &body).await.unwrap();
    assert_eq!(status.get("healthcheck"), None);
}

#[tokio::test(start_paused = true)]
async fn checks_run_side_by_side() {
    let slow = || {
        HealthCheck::new("slow", |_| async {
            sleep(SECOND).await;
            Health::ok()
        })
    };
    let client = client(builder().health_check(slow()).health_check(slow()));
    let started = Instant::now();
    health(&client).await;
    assert_eq!(started.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_or_overruns_is_an_error_and_the_others_are_told() {
    let checks = builder()
        .health_check(HealthCheck::new("panicking", |_| async {
            assert!(std::hint::black_box(false), "on purpose");
        }))
        .health_check(
            HealthCheck::new("hanging", |_| std::future::pending::<Health>()).timeout(3 * SECOND),
        )
        .health_check(HealthCheck::new("well", |_| async {
            Health::ok().diagnostic("told", true)
        }));
    let expected = value!({
        "errors": [
            ["HEALTH_CHECK_PANICKED", "The check `panicking` panicked"],
            ["HEALTH_CHECK_TIMEOUT", "The check `hanging` was not done within 3s"]
        ],
        "warnings": [],
        "diagnostics": { "told": true }
    });
    assert_eq!(health(&client(checks)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_slow_check_is_a_warning() {
    let slow = HealthCheck::new("slow", |_| async {
        sleep(Duration::from_millis(1_500)).await;
    });
    let client = client(builder().health_check(slow.slow_after(SECOND)));
    let health = health(&client).await;
    let warnings = health.get("warnings").unwrap();
    assert_eq!(
        warnings,
        &value!([["HEALTH_CHECK_SLOW", "The check `slow` took 1.5s"]])
    );
}

#[tokio::test(start_paused = true)]
async fn a_cached_result_is_kept_for_its_time() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let check = HealthCheck::new("counted", move |_| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        async move { Health::warning("RUN", run.to_string()) }
    });
    let client = client(builder().health_check(check.cached(10 * SECOND)));
    let expected = |run: &str, age: f64| {
        value!({
            "errors": [],
            "warnings": [["RUN", (run)]],
            "diagnostics": { "health_check_ages": { "counted": (age) } }
        })
    };
    assert_eq!(health(&client).await, expected("0", 0.0));
    sleep(Duration::from_millis(9_500)).await;
    assert_eq!(health(&client).await, expected("0", 9.5));
    sleep(SECOND).await;
    assert_eq!(health(&client).await, expected("1", 0.0));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_while_a_cached_check_runs_get_its_whole_result() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let check = HealthCheck::new("slow", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            sleep(5 * SECOND).await;
            Health::error("FOUND", "At the end")
        }
    });
    let client = client(builder().health_check(check.cached(10 * SECOND)));
    let probes = (0..20).map(|late| {
        let client = &client;
        async move {
            sleep(Duration::from_millis(100) * late).await;
            health(client).await
        }
    });
    let found = futures_util::future::join_all(probes).await;
    assert!(found.iter().all(|health| health == &found[0]));
    assert_eq!(
        found[0].get("errors").unwrap(),
        &value!([["FOUND", "At the end"]])
    );
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cached_check_gets_done_though_nobody_waits_for_so_long() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let check = HealthCheck::new("slow", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            sleep(5 * SECOND).await;
            Health::error("FOUND", "At the end")
        }
    });
    let client = client(builder().health_check(check.cached(10 * SECOND)));
    let impatient = || async {
        let status = client
            .call_action("shop", "status", &())
            .timeout(2 * SECOND);
        let status = status.await.unwrap();
        status.get("healthcheck").unwrap().get("errors").cloned()
    };
    let late = value!([[
        "HEALTH_CHECK_TIMEOUT",
        "The check `slow` was not done while the caller of `status` waits"
    ]]);
    assert_eq!(impatient().await, Some(late.clone()));
    assert_eq!(impatient().await, Some(late));
    assert_eq!(impatient().await, Some(value!([["FOUND", "At the end"]])));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_found_in_time_is_told_when_a_check_is_late() {
    let checks = builder()
        .health_check(HealthCheck::new("hanging", |_| {
            std::future::pending::<Health>()
        }))
        .health_check(HealthCheck::new("well", |_| async {
            Health::warning("LAG", "Behind").diagnostic("lag_seconds", 90)
        }));
    let client = client(checks);
    let started = Instant::now();
    let status = client
        .call_action("shop", "status", &())
        .timeout(4 * SECOND);
    let status = status.await.unwrap();
    assert!(started.elapsed() < 4 * SECOND);
    let expected = value!({
        "errors": [[
            "HEALTH_CHECK_TIMEOUT",
            "The check `hanging` was not done while the caller of `status` waits"
        ]],
        "warnings": [["LAG", "Behind"]],
        "diagnostics": { "lag_seconds": 90 }
    });
    assert_eq!(status.get("healthcheck"), Some(&expected));
}

#[tokio::test(start_paused = true)]
async fn the_services_that_are_called_are_checked_briefly() {
    let stock = Server::untyped("stock", "2.5.0")
        .health_check(HealthCheck::called_services())
        .build()
        .unwrap();
    let broken = Server::untyped("broken", "1.0.0")
        .action("status", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::server("BROKEN", "No status"))
        })
        .build()
        .unwrap();
    let hanging = Server::untyped("hanging", "1.0.0")
        .action("status", |_: Value, _: Context| {
            std::future::pending::<Result<Value, ActionError>>()
        })
        .build()
        .unwrap();
    let called = Client::builder()
        .service("stock", LocalTransport::new(stock))
        .service("broken", LocalTransport::new(broken))
        .service("hanging", LocalTransport::new(hanging))
        .build()
        .unwrap();
    let checks = builder()
        .client(called)
        .health_check(HealthCheck::called_services());
    let health = health(&client(checks)).await;
    let expected = value!([
        [
            "BROKEN_STATUS_ERROR",
            "action `status` of service `broken` failed: BROKEN: No status"
        ],
        [
            "HANGING_TRANSPORT_ERROR",
            "no response from service `hanging` within 2s"
        ]
    ]);
    assert_eq!(health.get("errors").unwrap(), &expected);
    let services = health.get("diagnostics").unwrap().get("services").unwrap();
    assert_eq!(
        services.get("stock").unwrap().get("version"),
        Some(&"2.5.0".into())
    );
    assert_eq!(services.as_map().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_impatient_caller_does_not_spoil_a_cached_result_for_the_others() {
    let slow = Server::untyped("slow", "1.0.0")
        .action("status", |_: Value, _: Context| async {
            sleep(Duration::from_millis(40)).await;
            Ok::<_, ActionError>(value!({}))
        })
        .build()
        .unwrap();
    let called = Client::builder()
        .service("slow", LocalTransport::new(slow))
        .build()
        .unwrap();
    let check = HealthCheck::called_services().cached(60 * SECOND);
    let client = client(builder().client(called).health_check(check));
    // Whatever becomes of it.
    let impatient = client.call_action("shop", "status", &());
    drop(impatient.timeout(Duration::from_millis(1)).await);
    assert_eq!(health(&client).await.get("errors"), Some(&value!([])));
}

#[tokio::test]
async fn a_status_of_ones_own_runs_the_checks_of_the_server() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let checks = builder()
        .action("status", |_: Value, cx: Context| async move {
            let health = cx.check_health().await;
            let is_ok = health.is_ok();
            Ok::<_, ActionError>(value!({ "open": (is_ok), "healthcheck": (health) }))
        })
        .health_check(HealthCheck::new("disk", |_| async {
            Health::warning("LAG", "Behind").diagnostic("free_bytes", 0)
        }))
        .health_check(
            HealthCheck::new("counted", move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                async { Health::error("DOWN", "Gone") }
            })
            .cached(60 * SECOND),
        );
    let client = client(checks);
    for _ in 0..2 {
        let status = client.call_action("shop", "status", &()).await.unwrap();
        let health = status.get("healthcheck").unwrap();
        assert_eq!(status.get("open"), Some(&value!(false)));
        assert_eq!(health.get("errors"), Some(&value!([["DOWN", "Gone"]])));
        assert_eq!(health.get("warnings"), Some(&value!([["LAG", "Behind"]])));
        let free = health.get("diagnostics").unwrap().get("free_bytes");
        assert_eq!(free, Some(&value!(0)));
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_check_that_asks_for_all_checks_does_not_run_itself() {
    let nested = HealthCheck::new("nested", |cx: Context| async move {
        cx.check_health()
            .await
            .and(Health::warning("OUTER", "Once"))
    });
    let health = health(&client(builder().health_check(nested))).await;
    assert_eq!(health.get("warnings"), Some(&value!([["OUTER", "Once"]])));
    assert!(Context::for_test().check_health().await.is_ok());
}
