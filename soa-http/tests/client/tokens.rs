//! Tokens: fetched once for all, kept until they expire, never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use futures_util::future::join_all;
use soa_http::{HttpTransport, Token};
use soa_runtime::{TransportError, TransportErrorKind};

use crate::support::{client, header, result, serve};

fn expired() -> Response<Body> {
    let challenge = r#"Bearer error="invalid_token", error_description="the token has expired""#;
    let response = Response::builder()
        .status(401)
        .header("www-authenticate", challenge);
    response.body(Body::from("the token has expired")).unwrap()
}

/// Answers only to calls with this token.
fn takes(
    token: &'static str,
) -> impl Fn(usize, &HeaderMap) -> Response<Body> + Clone + Send + Sync {
    move |_, head| match header(head, "authorization") {
        Some(given) if given == format!("Bearer {token}") => result("1"),
        _ => expired(),
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_waiters_and_anew_when_it_has_expired() {
    let (url, _) = serve(takes("token-2")).await;
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let transport = HttpTransport::json(url).unwrap().with_token(move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Token::new(format!("token-{number}")))
        }
    });
    let client = client(transport);
    let calls = (0..64).map(|_| async { client.call_positional("tools", "one", [0; 0]).await });
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_it_expires() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let transport = HttpTransport::json(url).unwrap().with_token(move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let token = Token::new(format!("token-{number}"));
        std::future::ready(Ok(token.expires_in(Duration::from_millis(400))))
    });
    let client = client(transport);
    let first = std::time::Instant::now();
    while fetched.load(Ordering::SeqCst) < 2 {
        client
            .call_positional("tools", "one", [0; 0])
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(
            first.elapsed() < Duration::from_secs(60),
            "the token was not renewed"
        );
    }
    let last = heads.lock().unwrap().last().unwrap().clone();
    assert_eq!(header(&last, "authorization"), Some("Bearer token-2"));
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_the_error_of_the_call() {
    let (url, heads) = serve(takes("never")).await;
    let transport = HttpTransport::json(url).unwrap();
    let transport = transport.with_token(|| std::future::ready(Ok(Token::new("wrong-secret"))));
    let shown = format!("{transport:?}");
    let error = client(transport)
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap_err();
    assert_eq!(heads.lock().unwrap().len(), 2);
    assert_eq!(error.errors()[0].code, "ACCESS_DENIED");
    assert!(error.errors()[0].message.contains("expired"), "{error}");
    assert!(!format!("{error:?} {error} {shown}").contains("wrong-secret"));
}

#[tokio::test]
async fn a_token_that_cannot_be_fetched_fails_the_call_before_it_is_sent() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let transport = HttpTransport::json(url).unwrap().with_token(|| {
        let error = TransportError::new(TransportErrorKind::Unreachable, "the issuer is away");
        std::future::ready(Err(error))
    });
    let error = client(transport)
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap_err();
    assert!(
        soa_runtime::redact::chain(&error, 1000).contains("the issuer is away"),
        "{error:?}"
    );
    assert!(heads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_answers_with_what_it_was_sent_does_not_bring_the_token_into_an_error() {
    let (url, _) = serve(|_, head| {
        let body = format!("no:\n{}", header(head, "authorization").unwrap());
        Response::builder()
            .status(502)
            .body(Body::from(body))
            .unwrap()
    })
    .await;
    let transport = HttpTransport::json(url).unwrap();
    let transport = transport.with_token(|| std::future::ready(Ok(Token::new("s3cret-token"))));
    let outcome = client(transport)
        .call_positional("tools", "one", [0; 0])
        .await;
    let told = outcome.unwrap_err().to_string();
    assert!(
        told.contains("502") && told.contains("no: Bearer …"),
        "{told}"
    );
}
