//! Requests that the doors refuse, each in the form of its door.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use soa::codec::msgpack;
use soa::http::{Doors, HttpSettings};
use soa::{Server, Value};

use super::support::{Answer, Faulty, JSON, MSGPACK, get, request, send};

fn router() -> Router {
    let server = Server::builder(Faulty).build().unwrap();
    let mut settings = HttpSettings::default();
    settings.max_body = 1000;
    settings.protobuf = Some(true);
    let doors = Doors::new(server.into(), settings).unwrap();
    doors.into_router()
}

fn json_of(answer: &Answer) -> Json {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()))
}

/// Requests to a path that are refused, with the status of each.
fn refused(path: &str, content_type: &'static str) -> Vec<(u16, Request<Body>)> {
    let post = || request("POST", path).header("content-type", content_type);
    vec![
        (413, post().body("x".repeat(2000).into()).unwrap()),
        (
            400,
            post()
                .header("x-soa-timeout", "soon")
                .body(Body::empty())
                .unwrap(),
        ),
        (
            400,
            post()
                .header("x-soa-timeout", "0")
                .body(Body::empty())
                .unwrap(),
        ),
        (
            400,
            post()
                .header("x-soa-switches", "1,x")
                .body(Body::empty())
                .unwrap(),
        ),
    ]
}

#[tokio::test]
async fn calls_by_name_are_refused_with_errors_in_the_encoding_of_the_caller() {
    let router = router();
    let mut all = refused("/call/faulty/fail", JSON);
    let send_as = |media: &'static [u8]| {
        let request = request("POST", "/call/faulty/fail").header("content-type", media);
        request.body(Body::from("x")).unwrap()
    };
    all.push((415, send_as(b"text/csv")));
    all.push((415, send_as(b"application/\xffjson")));
    all.push((
        405,
        request("PUT", "/call/faulty/fail")
            .body(Body::empty())
            .unwrap(),
    ));
    all.push((
        405,
        request("GET", "/call/faulty/fail")
            .body(Body::empty())
            .unwrap(),
    ));
    all.push((
        400,
        request("POST", "/call/faulty/%FF")
            .body(Body::empty())
            .unwrap(),
    ));
    for (status, refused) in all {
        let answer = send(&router, refused).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let errors = json_of(&answer)["errors"].clone();
        assert_eq!(errors[0]["is_caller_error"], true, "{errors}");
        let code = match status {
            413 => "REQUEST_TOO_LARGE",
            _ => "INVALID",
        };
        assert_eq!(errors[0]["code"], code, "{errors}");
    }
    for (status, refused) in refused("/call/faulty", MSGPACK) {
        let answer = send(&router, refused).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some(MSGPACK))
        );
        let told: Value = msgpack::from_slice(&answer.body).unwrap();
        assert!(told.get("errors").is_some(), "{told:?}");
    }
}

#[tokio::test]
async fn calls_by_position_are_refused_with_text_and_routes_with_a_detail() {
    let router = router();
    for (status, refused) in refused("/invoke", JSON) {
        let answer = send(&router, refused).await;
        let text = Some("text/plain; charset=utf-8");
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, text)
        );
    }
    let timeout = request("GET", "/fail/panic").header("x-soa-timeout", "0");
    let answer = send(&router, timeout.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        json_of(&answer)["detail"],
        "The header x-soa-timeout is malformed: expected more than 0"
    );
}

#[tokio::test]
async fn a_long_content_type_is_cut_where_it_is_repeated() {
    let long = format!("text/{}", "x".repeat(5000));
    let refused = request("POST", "/call/faulty/fail").header("content-type", long);
    let answer = send(&router(), refused.body(Body::from("x")).unwrap()).await;
    assert!(answer.body.len() < 400, "{}", answer.text());
}

#[tokio::test]
async fn a_method_id_that_is_not_text_is_malformed_and_not_missing() {
    let call = request("POST", "/invoke")
        .header("content-type", "application/x-protobuf")
        .header("x-rpc-method", &b"a:\xff:c"[..]);
    let answer = send(&router(), call.body(Body::empty()).unwrap()).await;
    assert!(answer.text().contains("malformed"), "{}", answer.text());
}

#[tokio::test]
async fn every_answer_has_the_correlation_id_of_its_request() {
    let router = router();
    let mut all: Vec<Request<Body>> = Vec::new();
    for (path, media) in [
        ("/call/faulty/fail", JSON),
        ("/call/faulty", MSGPACK),
        ("/invoke", JSON),
    ] {
        all.extend(refused(path, media).into_iter().map(|(_, refused)| refused));
    }
    for (method, path) in [
        ("PUT", "/call/faulty/fail"),
        ("POST", "/call/faulty/%FF"),
        ("POST", "/call/nobody/fail"),
        ("GET", "/fail/panic"),
        ("GET", "/fail/forbidden"),
        ("DELETE", "/fail/panic"),
        ("GET", "/health"),
        ("GET", "/livez"),
        ("GET", "/openapi.json"),
    ] {
        all.push(request(method, path).body(Body::empty()).unwrap());
    }
    for mut one in all {
        let shown = format!("{} {}", one.method(), one.uri());
        one.headers_mut()
            .insert("x-correlation-id", "of-the-caller".parse().unwrap());
        let answer = send(&router, one).await;
        let ids = answer.headers.get_all("x-correlation-id").iter();
        assert_eq!(ids.collect::<Vec<_>>(), ["of-the-caller"], "{shown}");
    }
}

#[tokio::test]
async fn the_answer_to_a_job_has_the_correlation_id_of_its_own_context() {
    for actions in [
        json!([{ "action": "fail", "body": { "kind": "ok" } }]),
        json!([]),
    ] {
        let job = json!({ "actions": actions, "context": { "correlation_id": "of-the-job" } });
        let call = request("POST", "/call/faulty")
            .header("content-type", JSON)
            .header("x-correlation-id", "of-the-request");
        let answer = send(&router(), call.body(job.to_string().into()).unwrap()).await;
        let ids = answer.headers.get_all("x-correlation-id").iter();
        assert_eq!(ids.collect::<Vec<_>>(), ["of-the-job"]);
    }
}

#[tokio::test]
async fn very_many_switches_are_read_in_no_time() {
    let switches: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    let call = request("POST", "/call/faulty/fail")
        .header("content-type", JSON)
        .header("x-soa-switches", switches.join(","));
    let body = Body::from(r#"{"kind": "ok"}"#);
    let since = std::time::Instant::now();
    assert_eq!(send(&router(), call.body(body).unwrap()).await.status, 200);
    assert!(since.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn every_path_is_the_same_with_a_slash_at_its_end() {
    let router = router();
    for path in [
        "/call/faulty/",
        "/call/faulty/status/",
        "/health/",
        "/livez/",
        "/readyz/",
        "/openapi.json/",
        "/report/",
        "/report-protobuf/",
        "/fail/ok/",
    ] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
    }
    let call = r#"{"method": "faulty:faulty:fail", "args": ["ok"]}"#;
    let invoke = request("POST", "/invoke/").header("content-type", JSON);
    assert_eq!(
        send(&router, invoke.body(call.into()).unwrap())
            .await
            .status,
        200
    );
}
