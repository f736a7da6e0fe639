//! `/livez`, `/readyz` and `/metrics`, and the paths of all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Component, Context, Server, Value};

use super::support::{Faulty, JSON, get, request, send};

fn tools() -> Component {
    Server::untyped("tools", "1.0.0").build().unwrap().into()
}

fn doors(change: impl FnOnce(&mut HttpSettings)) -> Result<Doors, soa::BuildError> {
    let mut settings = HttpSettings::default();
    change(&mut settings);
    Doors::new(tools(), settings)
}

#[tokio::test]
async fn a_process_that_serves_lives_and_is_ready() {
    let router = doors(|_| {}).unwrap().into_router();
    for path in ["/livez", "/readyz"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.text(), r#"{"status":"OK","reasons":[]}"#);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let head = request("HEAD", path).body(Body::empty()).unwrap();
        assert_eq!(send(&router, head).await.status, 200);
    }
    assert_eq!(get(&router, "/metrics").await.status, 404);
}

#[tokio::test]
async fn a_process_that_drains_is_not_ready_and_lives() {
    let doors = doors(|_| {}).unwrap();
    assert!(!doors.is_draining());
    doors.set_draining(true);
    assert!(doors.is_draining());
    let router = doors.into_router();
    let answer = get(&router, "/readyz").await;
    let expected = r#"{"status":"ERROR","reasons":["the process stops"]}"#;
    assert_eq!((answer.status, &*answer.text()), (503, expected));
    assert_eq!(get(&router, "/livez").await.status, 200);
    assert_eq!(get(&router, "/health").await.status, 200);
}

#[tokio::test]
async fn a_broker_that_is_away_makes_a_process_unready_and_not_dead() {
    let is_away = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&is_away);
    let reason = move || {
        let is_away = seen.load(Ordering::SeqCst);
        is_away.then(|| "Redis is away".to_owned())
    };
    let router = doors(|_| {}).unwrap().with_readiness(reason).into_router();
    let answer = get(&router, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("Redis is away"));
    assert_eq!(get(&router, "/livez").await.status, 200);
    is_away.store(false, Ordering::SeqCst);
    assert_eq!(get(&router, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_note_is_told_and_leaves_the_process_ready() {
    let is_away = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&is_away);
    let note = move || {
        let is_away = seen.load(Ordering::SeqCst);
        is_away.then(|| "the registry is away".to_owned())
    };
    let router = doors(|_| {}).unwrap().with_note(note).into_router();
    let answer = get(&router, "/readyz").await;
    let expected = r#"{"status":"OK","reasons":[],"notes":["the registry is away"]}"#;
    assert_eq!((answer.status, &*answer.text()), (200, expected));
    is_away.store(false, Ordering::SeqCst);
    let answer = get(&router, "/readyz").await;
    assert_eq!(answer.text(), r#"{"status":"OK","reasons":[]}"#);
}

#[tokio::test]
async fn a_process_without_room_answers_its_probes() {
    let started = Arc::new(tokio::sync::Notify::new());
    let notify = Arc::clone(&started);
    let server = Server::untyped("slow", "1.0.0")
        .action("hang", move |_: Value, _: Context| {
            notify.notify_one();
            std::future::pending::<Result<Value, ActionError>>()
        })
        .build()
        .unwrap();
    let mut settings = HttpSettings::default();
    settings.concurrency = 1;
    let router = Doors::new(server.into(), settings).unwrap().into_router();
    let hanging = router.clone();
    let hanging = tokio::spawn(async move {
        let call = request("POST", "/call/slow/hang")
            .body(Body::empty())
            .unwrap();
        send(&hanging, call).await;
    });
    started.notified().await;
    let call = request("POST", "/call/slow/hang")
        .body(Body::empty())
        .unwrap();
    assert_eq!(send(&router, call).await.status, 503);
    assert_eq!(get(&router, "/livez").await.status, 200);
    assert_eq!(get(&router, "/health").await.status, 200);
    let answer = get(&router, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("1 requests run"),
        "{}",
        answer.text()
    );
    hanging.abort();
}

#[tokio::test]
async fn the_metrics_are_a_page_for_prometheus() {
    let doors = doors(|_| {}).unwrap().with_metrics(|| "up 1\n".to_owned());
    let router = doors.into_router();
    let answer = get(&router, "/metrics").await;
    assert_eq!((answer.status, &*answer.text()), (200, "up 1\n"));
    let content_type = answer.header("content-type");
    assert_eq!(
        content_type,
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let post = request("POST", "/metrics").body(Body::empty()).unwrap();
    assert_eq!(send(&router, post).await.status, 405);
}

#[tokio::test]
async fn a_door_that_panics_answers_without_the_text() {
    let doors = doors(|_| {}).unwrap().with_metrics(|| panic!("the secret"));
    let answer = get(&doors.into_router(), "/metrics").await;
    let expected = r#"{"detail":"Internal Server Error"}"#;
    assert_eq!((answer.status, &*answer.text()), (500, expected));
    assert_eq!(answer.header("content-type"), Some(JSON));
}

#[tokio::test]
async fn probes_have_the_paths_of_the_settings_or_none() {
    let doors = doors(|settings| {
        settings.live = "/alive".to_owned();
        settings.ready.clear();
        settings.metrics = "/internal/metrics".to_owned();
    });
    let doors = doors.unwrap().with_metrics(|| "up 1\n".to_owned());
    let router = doors.into_router();
    for (path, status) in [
        ("/alive", 200),
        ("/internal/metrics", 200),
        ("/livez", 404),
        ("/readyz", 404),
        ("/metrics", 404),
    ] {
        assert_eq!(get(&router, path).await.status, status, "{path}");
    }
}

#[test]
fn two_things_with_the_same_path_are_refused() {
    let error = |change: fn(&mut HttpSettings)| doors(change).unwrap_err().to_string();
    assert_eq!(
        error(|settings| settings.ready = "/livez/".to_owned()),
        "the setting `live` and the setting `ready` have the same path `/livez`"
    );
    assert_eq!(
        error(|settings| settings.live = "/health".to_owned()),
        "the setting `live` and the health path have the same path `/health`"
    );
    assert_eq!(
        error(|settings| settings.metrics = "metrics".to_owned()),
        "the setting `metrics`: `metrics` is no path: a path starts with a slash, and has no braces"
    );
    assert_eq!(
        error(|settings| settings.calls = "/{call}".to_owned()),
        "the setting `calls`: `/{call}/{}` is no path: a path starts with a slash, and has no braces"
    );
    let faulty = Server::builder(Faulty).build().unwrap();
    let mut settings = HttpSettings::default();
    settings.calls = "/fail".to_owned();
    let error = Doors::new(faulty.into(), settings).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the route `/fail/{kind}` of the action `faulty.fail` is at or below `/fail/{}`, which is that of the setting `calls`"
    );
}
