//! No answer over HTTP has the text of a panic or of an internal error, unless the server is set to tell it.

use axum::Router;
use soa::health::{Health, HealthCheck};
use soa::{ActionError, Context, Server, ServerBuilder};

use super::support::{Faulty, calls, get, send};

fn router(server: ServerBuilder) -> Router {
    soa::http::router(server.build().unwrap()).unwrap()
}

#[tokio::test]
async fn no_door_tells_a_panic_an_internal_error_or_a_cause() {
    let router = router(Server::builder(Faulty));
    for kind in ["panic", "internal", "source", "chained"] {
        for (door, call) in calls(kind, None) {
            let answer = send(&router, call).await;
            let text = answer.text();
            assert!(!text.contains("secret"), "{door} {kind}: {text}");
            assert!(!text.contains(".rs"), "{door} {kind}: {text}");
            let expected = match kind {
                "source" => "The stock is down",
                _ => "the details are in the log of the service, error id",
            };
            assert!(text.contains(expected), "{door} {kind}: {text}");
            match door {
                "dispatch-json" | "dispatch-msgpack" | "job" => assert_eq!(answer.status, 200),
                _ => assert_eq!(answer.status, 500, "{door} {kind}"),
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_set_to_tells_them() {
    let router = router(Server::builder(Faulty).tell_internal_errors(true));
    for kind in ["panic", "internal"] {
        for (door, call) in calls(kind, None) {
            let text = send(&router, call).await.text();
            assert!(text.contains("the secret"), "{door} {kind}: {text}");
        }
    }
}

#[tokio::test]
async fn a_cause_is_told_as_a_traceback_if_the_server_is_set_to() {
    let router = router(Server::builder(Faulty).tracebacks(true));
    let call = calls("source", None).into_iter();
    let (_, call) = call
        .into_iter()
        .find(|(door, _)| *door == "call json")
        .unwrap();
    let text = send(&router, call).await.text();
    assert!(text.contains("the secret"), "{text}");
}

#[tokio::test]
async fn headers_of_errors_cannot_be_made_into_others() {
    let router = router(Server::builder(Faulty));
    for (door, call) in calls("injected", None) {
        let answer = send(&router, call).await;
        for name in ["x-evil", "x-other", "set-cookie"] {
            assert_eq!(answer.header(name), None, "{door} {name}");
        }
    }
}

fn failing() -> ServerBuilder {
    Server::untyped("shop", "1.0.0")
        .health_check(HealthCheck::new("panicking", |_: Context| async {
            assert!(std::hint::black_box(false), "the secret");
        }))
        .health_check(HealthCheck::new("failing", |_: Context| async {
            Err::<Health, _>(ActionError::internal("the secret"))
        }))
        .health_check(HealthCheck::new("telling", |_: Context| async {
            Err::<Health, _>(ActionError::caller("NO_KEY", "The key is gone"))
        }))
}

#[tokio::test]
async fn the_health_has_an_id_in_place_of_an_internal_error() {
    let answer = get(&router(failing()), "/health").await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(!text.contains("secret"), "{text}");
    for expected in [
        r#"{"name":"panicking","status":"ERROR","details":"The check `panicking` panicked"}"#,
        r#"{"name":"failing","status":"ERROR","details":"The details are in the log of the service, error id "#,
        r#"{"name":"telling","status":"ERROR","details":"The key is gone"}"#,
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let telling = router(failing().tell_internal_errors(true));
    let text = get(&telling, "/health").await.text();
    assert!(
        text.contains(r#""details":"Internal server error: the secret""#),
        "{text}"
    );
}
