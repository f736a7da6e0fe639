//! The component behind its doors, without a socket, and as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use hyper::ext::ReasonPhrase;
use soa::http::{Doors, HttpSettings};
use tower::ServiceExt;

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The phrase beside the status, if it is not the usual one.
    pub(crate) reason: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers["content-type"].to_str().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The doors of the component.
pub(crate) fn doors() -> Router {
    let component = example_service::component::builder().build().unwrap();
    Doors::new(component, HttpSettings::default())
        .unwrap()
        .into_router()
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        reason: parts
            .extensions
            .get::<ReasonPhrase>()
            .map(|reason| String::from_utf8(reason.as_bytes().to_vec()).unwrap()),
        headers: parts.headers,
        body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    }
}

/// Sends a request with a body of JSON, or without one.
pub(crate) async fn call(router: &Router, method: &str, target: &str, body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(target);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    send(router, request.body(Body::from(body.to_owned())).unwrap()).await
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aspyx")
}

/// The component as a process, which serves HTTP on a port of its own.
#[derive(Debug)]
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_example_component"))
            .args(["serve", "--http", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, url) = line.split_once("http=")?;
                let url = url.split([' ', '"']).find(|part| !part.is_empty())?;
                Some(url.to_owned())
            })
            .expect("the log tells the address");
        // Whoever writes to a closed pipe fails.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
