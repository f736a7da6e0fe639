//! The health of a component: its checks, one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use soa::health::{Health, HealthCheck};
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Client, Component, Context, LocalTransport, Server, value};

use super::support::{get, request, send};

const MILLISECOND: Duration = Duration::from_millis(1);

fn tools() -> Server {
    Server::untyped("tools", "1.0.0").build().unwrap()
}

fn router(checks: impl IntoIterator<Item = HealthCheck>) -> Router {
    let mut builder = Component::builder("example-component").service(tools());
    for check in checks {
        builder = builder.health_check(check);
    }
    soa::http::router(builder.build().unwrap()).unwrap()
}

fn check(name: &'static str, health: Health) -> HealthCheck {
    HealthCheck::new(name, move |_: Context| std::future::ready(health.clone()))
}

/// The checks of the example of Aspyx.
fn of_example(main: Health) -> Router {
    let runs = Arc::new(AtomicUsize::new(0));
    let cached = HealthCheck::new("cached", move |_: Context| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Health::ok().details(format!("runs {run}")) }
    });
    let limit = Duration::from_secs(60);
    router([
        check("main", main),
        check("speed", Health::ok()).fail_if_slower_than(limit),
        cached.cached(Duration::from_secs(3600)),
    ])
}

#[tokio::test]
async fn the_health_is_told_in_the_bytes_of_the_reference() {
    for (main, status, expected) in [
        (
            Health::ok(),
            200,
            r#"{"status":"OK","checks":[{"name":"main","status":"OK"},{"name":"speed","status":"OK"},{"name":"cached","status":"OK","details":"runs 1"}]}"#,
        ),
        (
            Health::warning("MAIN", "some detail"),
            429,
            r#"{"status":"WARNING","checks":[{"name":"main","status":"WARNING","details":"some detail"},{"name":"speed","status":"OK"},{"name":"cached","status":"OK","details":"runs 1"}]}"#,
        ),
        (
            Health::error("MAIN", "some detail"),
            500,
            r#"{"status":"ERROR","checks":[{"name":"main","status":"ERROR","details":"some detail"},{"name":"speed","status":"OK"},{"name":"cached","status":"OK","details":"runs 1"}]}"#,
        ),
    ] {
        let router = of_example(main);
        for _ in 0..2 {
            let answer = get(&router, "/health").await;
            assert_eq!((answer.status, &*answer.text()), (status, expected));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[tokio::test]
async fn a_component_without_checks_is_well() {
    let answer = get(&router([]), "/health").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), r#"{"status":"OK","checks":[]}"#);
}

#[tokio::test]
async fn a_component_of_several_services_has_the_checks_that_it_declares() {
    let of_service = Server::untyped("books", "1.0.0")
        .health_check(check("shelf", Health::error("GONE", "No shelf")));
    let component = Component::builder("library")
        .service(of_service)
        .service(tools())
        .health_path("/well")
        .health_check(check("door", Health::ok()))
        .build()
        .unwrap();
    let router = soa::http::router(component).unwrap();
    let answer = get(&router, "/well").await;
    let expected = r#"{"status":"OK","checks":[{"name":"door","status":"OK"}]}"#;
    assert_eq!(answer.text(), expected);
    assert_eq!(get(&router, "/health").await.status, 404);
}

#[tokio::test]
async fn a_component_that_is_one_service_has_its_checks_and_their_cached_results() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let shelf = HealthCheck::new("shelf", move |_: Context| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Health::warning("FULL", "90 %").and(Health::error("WET", "It rains")) }
    });
    let server = Server::untyped("books", "1.0.0")
        .health_check(shelf.cached(Duration::from_secs(3600)))
        .build()
        .unwrap();
    let router = soa::http::router(&server).unwrap();
    let answer = get(&router, "/health").await;
    let expected = r#"{"status":"ERROR","checks":[{"name":"shelf","status":"ERROR","details":"It rains; 90 %"}]}"#;
    assert_eq!((answer.status, &*answer.text()), (500, expected));
    let client = Client::builder()
        .service("books", LocalTransport::new(server))
        .build()
        .unwrap();
    let status = client.call_action("books", "status", &()).await.unwrap();
    let health = status.get("healthcheck").unwrap();
    assert_eq!(health.get("warnings"), Some(&value!([["FULL", "90 %"]])));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_warning_may_be_a_success_of_http() {
    let component = Component::builder("example")
        .service(tools())
        .health_check(check("main", Health::warning("LAG", "90 s")))
        .build()
        .unwrap();
    let mut settings = HttpSettings::default();
    settings.health_warning_status = 200;
    let doors = Doors::new(component.clone(), settings.clone()).unwrap();
    let answer = get(&doors.into_router(), "/health").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(r#""status":"WARNING""#));
    settings.health_warning_status = 7;
    let error = Doors::new(component, settings).unwrap_err();
    assert_eq!(error.to_string(), "`health_warning_status`: 7 is no status");
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_other_methods_are_refused() {
    let router = router([check("main", Health::error("DOWN", "Gone"))]);
    let head = request("HEAD", "/health").body(Body::empty()).unwrap();
    let answer = send(&router, head).await;
    assert_eq!((answer.status, answer.body.len()), (500, 0));
    assert_ne!(answer.header("content-length"), Some("0"));
    let post = request("POST", "/health").body(Body::empty()).unwrap();
    let answer = send(&router, post).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
}

/// The time in `spent 0.302s`.
fn spent(text: &str) -> f64 {
    let (_, spent) = text.split_once(r#""details":"spent "#).unwrap();
    let (seconds, _) = spent.split_once("s\"").unwrap();
    assert_eq!(seconds.split_once('.').unwrap().1.len(), 3, "{text}");
    seconds.parse().unwrap()
}

#[tokio::test]
async fn a_check_that_is_too_slow_fails_at_its_limit_and_finishes_by_itself() {
    let release = Arc::new(tokio::sync::Notify::new());
    let (done, mut is_done) = tokio::sync::mpsc::unbounded_channel();
    let released = Arc::clone(&release);
    let slow = HealthCheck::new("slow", move |_: Context| {
        let (released, done) = (Arc::clone(&released), done.clone());
        async move {
            released.notified().await;
            done.send(()).unwrap();
        }
    });
    let router = router([slow.fail_if_slower_than(50 * MILLISECOND)]);
    let answer = get(&router, "/health").await;
    assert_eq!(answer.status, 500);
    assert!(spent(&answer.text()) >= 0.05, "{}", answer.text());
    release.notify_one();
    is_done.recv().await.unwrap();
}

#[tokio::test]
async fn a_check_that_blocks_its_thread_stops_nothing_else() {
    // One thread runs everything, as in a program with the default settings.
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    let blocking = HealthCheck::new("blocking", move |_: Context| {
        let blocked = Arc::clone(&blocked);
        async move {
            let _ = blocked.lock().unwrap().recv();
        }
    });
    let router = router([blocking, check("quick", Health::ok())]);
    let probe = request("GET", "/health").header("x-soa-timeout", "250ms");
    let answer = send(&router, probe.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 500);
    let expected = r#"{"status":"ERROR","checks":[{"name":"blocking","status":"ERROR","details":"The check `blocking` was not done while the caller of the health waits"},{"name":"quick","status":"OK"}]}"#;
    assert_eq!(answer.text(), expected);
    drop(release);
}

#[tokio::test]
async fn checks_that_hang_take_a_few_threads_and_no_more() {
    let running = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&running);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    let hanging = HealthCheck::new("hanging", move |_: Context| {
        counted.fetch_add(1, Ordering::SeqCst);
        let blocked = Arc::clone(&blocked);
        async move {
            let _ = blocked.lock().unwrap().recv();
        }
    });
    let router = router([hanging.fail_if_slower_than(20 * MILLISECOND)]);
    for _ in 0..10 {
        let answer = get(&router, "/health").await;
        assert!(spent(&answer.text()) >= 0.02, "{}", answer.text());
    }
    assert_eq!(running.load(Ordering::SeqCst), 4);
    drop(release);
}

#[tokio::test]
async fn a_check_knows_its_caller_and_may_call_services() {
    let stock = Server::untyped("stock", "2.5.0").build().unwrap();
    let called = Client::builder().service("stock", LocalTransport::new(stock));
    let server = Server::untyped("shop", "1.0.0")
        .client(called.build().unwrap())
        .health_check(HealthCheck::new("stock", |cx: Context| async move {
            let status = cx.soa_client().call_action("stock", "status", &()).await?;
            let version = status.get("version").and_then(|version| version.as_str());
            let (version, id) = (version.unwrap_or_default(), cx.correlation_id());
            let text = format!(
                "{version} for {id} by {:?}",
                cx.http().map(|http| http.path())
            );
            Ok::<_, ActionError>(Health::ok().details(text))
        }));
    let router = soa::http::router(Component::from(server.build().unwrap())).unwrap();
    let probe = request("GET", "/health").header("x-correlation-id", "abc");
    let answer = send(&router, probe.body(Body::empty()).unwrap()).await;
    let details = r#"2.5.0 for abc by Some(\"/health\")"#;
    assert!(answer.text().contains(details), "{}", answer.text());
    assert_eq!(answer.header("x-correlation-id"), Some("abc"));
}

#[tokio::test(start_paused = true)]
async fn status_has_a_slow_check_as_an_error_and_no_details() {
    let slow = HealthCheck::new("slow", |_: Context| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Health::ok().details("all is well")
    });
    let late_warning = HealthCheck::new("late", |_: Context| async {
        tokio::time::sleep(900 * MILLISECOND).await;
        Health::warning("LAG", "Behind").details("for people")
    });
    let server = Server::untyped("shop", "1.0.0")
        .health_check(slow.fail_if_slower_than(300 * MILLISECOND))
        .health_check(late_warning.fail_if_slower_than(Duration::from_secs(1)))
        .build()
        .unwrap();
    let client = Client::builder().service("shop", LocalTransport::new(server));
    let client = client.build().unwrap();
    let since = tokio::time::Instant::now();
    let status = client.call_action("shop", "status", &()).await.unwrap();
    assert_eq!(since.elapsed(), 900 * MILLISECOND);
    let expected = value!({
        "errors": [["HEALTH_CHECK_SLOW", "The check `slow` took longer than 300.0ms"]],
        "warnings": [["LAG", "Behind"]],
        "diagnostics": {}
    });
    assert_eq!(status.get("healthcheck"), Some(&expected));
}

#[tokio::test]
async fn a_second_probe_waits_for_a_cached_check_that_runs() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let release = Arc::new(tokio::sync::Notify::new());
    let released = Arc::clone(&release);
    let slow = HealthCheck::new("slow", move |_: Context| {
        let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
        started.send(()).unwrap();
        let released = Arc::clone(&released);
        async move {
            released.notified().await;
            Health::warning("RUN", run.to_string())
        }
    });
    let router = router([slow.cached(Duration::from_secs(3600))]);
    let probes = futures_util::future::join(get(&router, "/health"), get(&router, "/health"));
    let release = async {
        has_started.recv().await.unwrap();
        release.notify_waiters();
        release.notify_one();
    };
    let ((first, second), ()) = tokio::join!(probes, release);
    for answer in [first, second, get(&router, "/health").await] {
        assert!(
            answer.text().contains(r#""details":"1""#),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_cached_result_counts_from_the_end_of_its_run() {
    let runs = Arc::new(AtomicUsize::new(0));
    let slow = HealthCheck::new("slow", move |_: Context| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Health::warning("RUN", run.to_string())
        }
    });
    let server = Server::untyped("shop", "1.0.0").health_check(slow.cached(Duration::from_secs(3)));
    let client = Client::builder().service("shop", LocalTransport::new(server.build().unwrap()));
    let client = client.build().unwrap();
    let run = async || {
        let status = client.call_action("shop", "status", &()).await.unwrap();
        status.get("healthcheck").unwrap().get("warnings").cloned()
    };
    assert_eq!(run().await, Some(value!([["RUN", "1"]])));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(run().await, Some(value!([["RUN", "1"]])));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(run().await, Some(value!([["RUN", "2"]])));
}
