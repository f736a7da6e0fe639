//! Requests to a router, services by hand, and the Python that has the official validators.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::{Router, http};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use soa_runtime::Component;
use tower::ServiceExt as _;

/// The functions that run the actions of a service, each with a closure that takes the request.
macro_rules! actions {
    ($($action:path => $handler:expr),* $(,)?) => {
        const ACTIONS: &'static [soa::ServiceAction<Self>] = &[$(
            soa::ServiceAction::new($action, |_service, call| {
                soa::__private::run($action, call, |request, _context| async move {
                    ($handler)(request)
                })
            }),
        )*];
    };
}
pub(crate) use actions;

/// The component of the example contract.
pub(crate) static COMPONENT: LazyLock<Component> =
    LazyLock::new(|| example_service::component::builder().build().unwrap());

/// An answer whose body was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends a request, with a body of JSON if there is one.
pub(crate) async fn send(router: &Router, line: &str, body: Option<Json>) -> Answer {
    let (method, target) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(target);
    if body.is_some() {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    send_request(router, request.body(body).unwrap()).await
}

pub(crate) async fn send_request(router: &Router, request: Request<Body>) -> Answer {
    let response: Response<Body> = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// Returns the document of a component.
pub(crate) fn document(component: impl Into<soa::Component>) -> Json {
    serde_json::from_str(&soa_http::openapi(component).unwrap()).unwrap()
}

/// A value that has to fit the schema at a place of a document.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) place: String,
    pub(crate) value: Json,
}

/// The mistakes that the official validators find.
#[derive(Debug, Deserialize)]
pub(crate) struct Findings {
    pub(crate) document: Vec<String>,
    /// Of each value.
    pub(crate) values: Vec<Vec<String>>,
}

/// Returns the mistakes of a document.
pub(crate) fn mistakes(document: &Json) -> Vec<String> {
    findings(document, &[]).document
}

/// Returns the mistakes of a document, and of values that do not fit its schemas.
pub(crate) fn findings(document: &Json, claims: &[Claim]) -> Findings {
    let python = std::env::var("ASPYX_PYTHON").expect(
        "set ASPYX_PYTHON to a Python that has openapi-spec-validator; ./run-tests makes one in .venv-aspyx",
    );
    let mut child = Command::new(python)
        .arg("-c")
        .arg(include_str!("check.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let claims: Vec<Json> = claims
        .iter()
        .map(|claim| json!([claim.place, claim.value]))
        .collect();
    let task = json!({ "document": document, "claims": claims });
    let mut input = child.stdin.take().unwrap();
    input.write_all(task.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the validator failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the place of the schema of a request body.
pub(crate) fn request_at(path: &str, method: &str) -> String {
    format!(
        "{}/requestBody/content/application~1json/schema",
        at(path, method)
    )
}

/// Returns the place of the schema of an answer.
pub(crate) fn answer_at(path: &str, method: &str, status: u16) -> String {
    format!(
        "{}/responses/{status}/content/application~1json/schema",
        at(path, method)
    )
}

/// Returns the place of an operation.
pub(crate) fn at(path: &str, method: &str) -> String {
    format!(
        "/paths/{}/{method}",
        path.replace('~', "~0").replace('/', "~1")
    )
}
