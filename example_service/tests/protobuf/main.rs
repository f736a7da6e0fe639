//! `POST /invoke` with protobuf, and `GET /report-protobuf`, against what was captured from the reference.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod calls;
mod report;
mod twin;
mod vectors;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::ext::ReasonPhrase;
use tower::ServiceExt as _;

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    content_type: String,
    reason: Option<String>,
    body: Bytes,
}

static ROUTER: LazyLock<Router> = LazyLock::new(|| twin::doors().into_router());

/// Sends a request to the twin of the captured component.
async fn send(request: Request<Body>) -> Answer {
    let response = ROUTER.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let content_type = head.headers.get("content-type");
    let reason = head.extensions.get::<ReasonPhrase>();
    Answer {
        status: head.status.as_u16(),
        content_type: content_type
            .map_or_else(String::new, |text| text.to_str().unwrap().to_owned()),
        reason: reason.map(|reason| String::from_utf8(reason.as_bytes().to_vec()).unwrap()),
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// Calls a method by protobuf.
async fn call(method: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/invoke")
        .header("content-type", "application/x-protobuf")
        .header("x-rpc-method", method);
    send(request.body(body.into()).unwrap()).await
}
