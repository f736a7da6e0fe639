//! Servers that note what they get, and clients of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use soa_http::HttpTransport;
use soa_runtime::Client;

/// The heads that a server got, in their order.
pub(crate) type Heads = Arc<Mutex<Vec<HeaderMap>>>;

/// An answer of the channel `dispatch-json`.
pub(crate) fn result(result: &str) -> Response<Body> {
    let body = format!(r#"{{"result":{result},"exception":null}}"#);
    Response::new(Body::from(body))
}

/// Starts a server that answers by a function of the number of the request and its head.
pub(crate) async fn serve(
    answer: impl Fn(usize, &HeaderMap) -> Response<Body> + Clone + Send + Sync + 'static,
) -> (String, Heads) {
    let heads = Heads::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let noted = Arc::clone(&heads);
    let handler = move |request: Request<Body>| {
        let head = request.headers().clone();
        let mut noted = noted.lock().unwrap();
        noted.push(head.clone());
        let response = answer(noted.len(), &head);
        std::future::ready(response)
    };
    tokio::spawn(async move {
        axum::serve(listener, Router::new().fallback(handler))
            .await
            .unwrap();
    });
    (url, heads)
}

/// A client of the service `tools` by a transport.
pub(crate) fn client(transport: HttpTransport) -> Client {
    Client::builder()
        .service("tools", transport)
        .build()
        .unwrap()
}

/// An address that nobody listens at.
pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The header of a request, as text.
pub(crate) fn header<'a>(head: &'a HeaderMap, name: &str) -> Option<&'a str> {
    head.get(name).map(|value| value.to_str().unwrap())
}
