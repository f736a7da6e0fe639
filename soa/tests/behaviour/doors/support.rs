//! Requests to a router, and a service that fails in every way.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use soa::__private::{Declared, HttpDeclared, Method, Route, run};
use soa::codec::msgpack;
use soa::{
    Action, ActionDescriptor, ActionError, Context, Service, ServiceAction, ServiceDescriptor,
    Value, code, value,
};
use tower::ServiceExt;

pub(super) const JSON: &str = "application/json";
pub(super) const MSGPACK: &str = "application/msgpack";

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

pub(super) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path)
}

pub(super) async fn get(router: &Router, path: &str) -> Answer {
    send(router, request("GET", path).body(Body::empty()).unwrap()).await
}

/// Requests that call `fail` of [`Faulty`] in this way, by every door, each with its name.
pub(super) fn calls(kind: &str, token: Option<&str>) -> Vec<(&'static str, Request<Body>)> {
    let invoke = value!({ "method": "faulty:faulty:fail", "args": [kind] });
    let call = value!({ "kind": kind });
    let job = value!({ "actions": [{ "action": "fail", "body": { "kind": kind } }] });
    let places = [
        ("dispatch-json", "/invoke", JSON, &invoke),
        ("dispatch-msgpack", "/invoke", MSGPACK, &invoke),
        ("call json", "/call/faulty/fail", JSON, &call),
        ("call msgpack", "/call/faulty/fail", MSGPACK, &call),
        ("job", "/call/faulty", JSON, &job),
    ];
    let with_token = |request: axum::http::request::Builder| match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let mut calls: Vec<_> = places
        .into_iter()
        .map(|(name, path, content_type, body)| {
            let body = match content_type {
                JSON => soa::text::write(body).into_bytes(),
                _ => msgpack::to_vec(body).unwrap(),
            };
            let request = request("POST", path).header("content-type", content_type);
            (name, with_token(request).body(body.into()).unwrap())
        })
        .collect();
    let rest = with_token(request("GET", &format!("/fail/{kind}")));
    calls.push(("rest", rest.body(Body::empty()).unwrap()));
    calls
}

/// Fails in the way that it is told.
pub(super) struct Faulty;

#[soa::body]
pub(super) struct How {
    kind: String,
}

const DECLARED: Declared =
    Declared::new().http(HttpDeclared::new().routes(&[Route::new(Method::Get, "/fail/{kind}")]));

const FAIL: Action<How, Value> = Action::new("fail").declared(&DECLARED);

const ACTIONS: &[ActionDescriptor] = &[FAIL.describe("Fails.")];

impl Service for Faulty {
    const DESCRIPTOR: &'static ServiceDescriptor =
        &ServiceDescriptor::new("faulty", "1.0.0", "", ACTIONS);
    const ACTIONS: &'static [ServiceAction<Self>] =
        &[ServiceAction::new(FAIL, |_: Arc<Self>, call| {
            run::<_, _, ActionError, _, _>(FAIL, call, |how, cx| async move {
                fail(&how.kind, &cx).await
            })
        })];
}

async fn fail(kind: &str, cx: &Context) -> Result<Value, ActionError> {
    match kind {
        "panic" => panic!("the secret"),
        "internal" => Err(ActionError::internal("the secret")),
        "source" => {
            let error = ActionError::server("DOWN", "The stock is down");
            Err(error.with_source("the secret"))
        }
        "chained" => {
            let call = cx.soa_client().call_action("the-secret", "find", &());
            Ok(call.await?)
        }
        "forbidden" => Err(ActionError::caller(code::NOT_AUTHORIZED, "Owners only")),
        "denied" => Err(ActionError::caller(
            code::ACCESS_DENIED,
            "The other service refuses",
        )),
        "token" => Ok(value!({ "token": (cx.value("token").cloned()) })),
        "injected" => {
            let error = ActionError::caller("INJECTED", "No").http_status(400);
            let error = error.http_header("X-Evil\r\nX-Other", "a");
            Err(error.http_header("X-Evil", "a\r\nSet-Cookie: stolen=1"))
        }
        _ => Ok(value!({})),
    }
}
