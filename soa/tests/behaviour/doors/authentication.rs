//! Callers over HTTP: tokens, refusals with a challenge, permissions.

use axum::Router;
use axum::body::Body;
use soa::http::{Doors, HttpSettings};
use soa::middleware::{Authentication, Credentials, Denied, Identity, JobStage, Next, from_fn};
use soa::{Client, JobError, JobRequest, LocalTransport, Server, ServerBuilder, code, value};

use super::support::{Faulty, MSGPACK, calls, get, request, send};

fn authenticated() -> ServerBuilder {
    Server::builder(Faulty).job_middleware(Authentication::new(
        |credentials: Credentials| async move {
            match credentials.token() {
                "ada" => Ok(Identity::new("Ada")),
                "old" => Err(Denied::expired()),
                "down" => Err(Denied::unavailable("the secret")),
                "evil" => Err(Denied::new("no\"\r\nSet-Cookie: stolen=1\u{e9}")),
                _ => Err(Denied::new("The token is not known")),
            }
        },
    ))
}

fn router(server: ServerBuilder) -> Router {
    soa::http::router(server.build().unwrap()).unwrap()
}

fn challenge(description: &str) -> String {
    format!("Bearer error=\"invalid_token\", error_description=\"{description}\"")
}

#[tokio::test]
async fn a_refused_token_is_a_401_with_a_challenge_by_every_door() {
    let router = router(authenticated());
    for (token, description) in [
        (None, "the token is missing"),
        (Some("old"), "the token has expired"),
        (Some("bob"), "The token is not known"),
        (Some("evil"), "no'??Set-Cookie: stolen=1?"),
    ] {
        for (door, call) in calls("fine", token) {
            let answer = send(&router, call).await;
            assert_eq!(answer.status, 401, "{door} {token:?}: {}", answer.text());
            let told = answer.header("www-authenticate");
            assert_eq!(told, Some(&*challenge(description)), "{door}");
            assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1);
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    for (door, call) in calls("fine", Some("ada")) {
        assert_eq!(send(&router, call).await.status, 200, "{door}");
    }
}

#[tokio::test]
async fn a_refusal_by_dispatch_is_in_the_encoding_of_the_call() {
    let router = router(authenticated());
    for (door, call) in calls("fine", None).into_iter().take(2) {
        let answer = send(&router, call).await;
        let body = match answer.header("content-type") {
            Some(MSGPACK) => soa::codec::msgpack::decode_value(&answer.body),
            _ => soa::codec::json::decode_value(&answer.body),
        };
        let body = body.unwrap();
        let exception = body.get("exception").and_then(|text| text.as_str());
        assert_eq!(
            exception,
            Some("context.token: There is no token"),
            "{door}"
        );
    }
}

#[tokio::test]
async fn an_identity_provider_that_is_away_is_a_503_without_its_reason() {
    let router = router(authenticated());
    for (door, call) in calls("fine", Some("down")) {
        let answer = send(&router, call).await;
        // By dispatch, whatever else fails is a result.
        let expected = if door.starts_with("dispatch") {
            200
        } else {
            503
        };
        assert_eq!(answer.status, expected, "{door}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{door}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[tokio::test]
async fn an_action_that_was_called_is_not_a_refusal_of_dispatch() {
    let router = router(Server::builder(Faulty));
    for (door, call) in calls("denied", None) {
        let answer = send(&router, call).await;
        match door {
            "dispatch-json" | "dispatch-msgpack" => {
                assert_eq!(answer.status, 200, "{door}");
                assert_eq!(answer.header("www-authenticate"), None, "{door}");
            }
            // The whole job was run.
            "job" => assert_eq!(answer.status, 200, "{door}"),
            _ => {
                assert_eq!(answer.status, 401, "{door}");
                let told = challenge("The other service refuses");
                assert_eq!(answer.header("www-authenticate"), Some(&*told), "{door}");
            }
        }
    }
}

#[tokio::test]
async fn a_caller_without_a_permission_is_forbidden() {
    let server = authenticated().require("fail", ["faults.make"]);
    let router = router(server);
    for (door, call) in calls("fine", Some("ada")) {
        let answer = send(&router, call).await;
        // A whole job and a dispatched call have the error inside.
        let expected = match door {
            "dispatch-json" | "dispatch-msgpack" | "job" => 200,
            _ => 403,
        };
        assert_eq!(answer.status, expected, "{door}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[tokio::test]
async fn middleware_of_ones_own_refuses_with_a_challenge_too() {
    let refuse = from_fn(|_: JobRequest, _: Next<JobStage>| async {
        Err(JobError::new(code::ACCESS_DENIED, "Not today"))
    });
    let refusing = router(Server::builder(Faulty).job_middleware(refuse));
    let overload = from_fn(|_: JobRequest, _: Next<JobStage>| async {
        Err(JobError::new(code::OVERLOADED, "Too much"))
    });
    let overloaded = router(Server::builder(Faulty).job_middleware(overload));
    for (door, call) in calls("fine", None) {
        let answer = send(&refusing, call).await;
        assert_eq!(answer.status, 401, "{door}");
        let told = challenge("Not today");
        assert_eq!(answer.header("www-authenticate"), Some(&*told), "{door}");
    }
    for (door, call) in calls("fine", None) {
        assert_eq!(send(&overloaded, call).await.status, 503, "{door}");
    }
}

#[tokio::test]
async fn over_a_queue_nothing_of_this_is_sent() {
    let server = authenticated().build().unwrap();
    let client = Client::builder().service("faulty", LocalTransport::new(server));
    let client = client.build().unwrap();
    let call = client.call_action("faulty", "fail", &value!({ "kind": "fine" }));
    let error = call.context("token", "old").await.unwrap_err();
    let error = &error.errors()[0];
    assert_eq!(
        (&*error.code, &*error.message, error.field.as_deref()),
        (
            code::ACCESS_DENIED,
            "The token has expired",
            Some("context.token")
        )
    );
}

#[tokio::test]
async fn a_token_has_one_scheme_however_often_it_is_said() {
    let router = router(Server::builder(Faulty));
    for (header, token) in [
        ("Bearer abc", Some("abc")),
        ("bearer  abc", Some("abc")),
        ("Bearer Bearer abc", Some("abc")),
        ("Bearer BEARER bearer abc", Some("abc")),
        ("abc", Some("abc")),
        ("Bearerabc", Some("Bearerabc")),
        ("Bearer", None),
        ("Bearer Bearer", None),
        ("", None),
    ] {
        let call = request("GET", "/fail/token").header("authorization", header);
        let answer = send(&router, call.body(Body::empty()).unwrap()).await;
        let token = token.map_or("null".to_owned(), |token| format!("\"{token}\""));
        assert_eq!(answer.text(), format!("{{\"token\":{token}}}"), "{header}");
    }
    assert_eq!(
        get(&router, "/fail/token").await.text(),
        r#"{"token":null}"#
    );
}

#[tokio::test]
async fn a_token_may_be_in_a_cookie_if_the_settings_say_so() {
    let mut settings = HttpSettings::default();
    settings.token_cookie = Some("access_token".to_owned());
    let server = Server::builder(Faulty).build().unwrap();
    let with_cookie = Doors::new((&server).into(), settings)
        .unwrap()
        .into_router();
    let without = soa::http::router(&server).unwrap();
    let call = || {
        let call = request("GET", "/fail/token").header("cookie", "a=b; access_token=abc;c=d");
        call.header("cookie", "e=f")
    };
    let answer = send(&with_cookie, call().body(Body::empty()).unwrap()).await;
    assert_eq!(answer.text(), r#"{"token":"abc"}"#);
    // The header is meant for this request; a cookie comes with all of them.
    let both = call().header("authorization", "Bearer def");
    let answer = send(&with_cookie, both.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.text(), r#"{"token":"def"}"#);
    let answer = send(&without, call().body(Body::empty()).unwrap()).await;
    assert_eq!(answer.text(), r#"{"token":null}"#);
}
