//! The number of allocations that one request takes, by each way in, on a kept connection: from the bytes that a listener reads
//! to those of the answer. The numbers are what was counted: a change that needs more of them says so here.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::http::{Doors, HttpListener, HttpServer, HttpSettings};
use soa::{ActionError, Component, Server, service, value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::allocator::allocations_of;

struct Sums;

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct AddRequest {
    first: i64,
    second: i64,
}

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct AddResponse {
    sum: i64,
}

#[service(name = "sums", version = "1.0.0")]
impl Sums {
    #[action(get = "/add/{first}/{second}")]
    async fn add(&self, body: AddRequest) -> Result<AddResponse, ActionError> {
        Ok(AddResponse {
            sum: body.first + body.second,
        })
    }
}

/// A server that listens, and a connection to it. Both are of this thread, and the side of the caller allocates nothing.
struct Doorway {
    runtime: Runtime,
    stream: RefCell<TcpStream>,
}

/// Requests that are counted. The buffer of a connection is made anew now and then, so the least counts.
const REQUESTS: usize = 10;

impl Doorway {
    fn new() -> Self {
        let component = Component::builder("sums-component").service(Server::builder(Sums));
        let mut settings = HttpSettings::default();
        settings.protobuf = Some(true);
        let doors = Doors::new(component.build().unwrap(), settings).unwrap();
        Self::of(async |address| {
            let listener = HttpListener::bind("127.0.0.1:0").unwrap();
            address.send(listener.address()).unwrap();
            let server = HttpServer::new(doors, listener).unwrap();
            server
                .run_until(std::future::pending(), Duration::ZERO)
                .await;
        })
    }

    fn of_axum(router: Router) -> Self {
        Self::of(async |address| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, router).await.unwrap();
        })
    }

    fn of<F>(serve: impl FnOnce(oneshot::Sender<SocketAddr>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let (address, told) = oneshot::channel();
        runtime.spawn(serve(address));
        let stream = runtime.block_on(async { TcpStream::connect(told.await.unwrap()).await });
        let stream = RefCell::new(stream.unwrap());
        Self { runtime, stream }
    }

    /// Sends the request several times on a kept connection, and returns the allocations of one of them, and its answer.
    fn count(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (usize, Vec<u8>) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n", body.len());
        let request = [request.as_bytes(), body].concat();
        let mut answer = Vec::with_capacity(4096);
        let stream = &mut *self.stream.borrow_mut();
        let mut count = || {
            answer.clear();
            let (allocations, ()) = allocations_of(|| {
                self.runtime.block_on(async {
                    stream.write_all(&request).await.unwrap();
                    while !is_whole(&answer) {
                        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
                    }
                });
            });
            allocations
        };
        // Schemas and tables are made for the first request.
        count();
        let least = (0..REQUESTS).map(|_| count()).min().unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        let start = head_of(&answer).unwrap();
        (least, answer[start..].to_vec())
    }
}

/// Returns the length of the head of an answer.
fn head_of(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

/// True for an answer that has come whole.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = head_of(answer) else {
        return false;
    };
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let length = text.split("content-length: ").nth(1).unwrap();
    let length: usize = length.split('\r').next().unwrap().parse().unwrap();
    answer.len() == head + length
}

/// Asserts that a request takes this many allocations, and that its answer is the expected one.
fn assert_count(expected: usize, (allocations, answer): (usize, Vec<u8>), body: &[u8]) {
    assert_eq!(answer, body, "{}", String::from_utf8_lossy(&answer));
    assert_eq!(allocations, expected);
}

const METHOD: &str = "sums-component:sums:add";

#[test]
fn a_bare_handler_of_axum_is_what_the_others_are_compared_with() {
    #[derive(Deserialize)]
    struct Call {
        args: (i64, i64),
    }
    #[derive(Serialize)]
    struct Answer {
        result: i64,
        exception: Option<String>,
    }
    async fn add(Json(call): Json<Call>) -> Json<Answer> {
        Json(Answer {
            result: call.args.0 + call.args.1,
            exception: None,
        })
    }
    let bare = Doorway::of_axum(Router::new().route("/invoke", post(add)));
    let body = br#"{"method":"sums-component:sums:add","args":[1,2]}"#;
    let json = [("content-type", "application/json")];
    assert_count(
        20,
        bare.count("POST", "/invoke", &json, body),
        br#"{"result":3,"exception":null}"#,
    );
}

#[test]
fn a_request_to_a_method_takes_so_many_allocations_by_each_encoding() {
    let doors = Doorway::new();
    let call = value!({ "method": METHOD, "args": [1, 2] });
    let text = soa::codec::json::to_vec(&call).unwrap();
    let json = [("content-type", "application/json")];
    assert_count(
        33,
        doors.count("POST", "/invoke", &json, &text),
        br#"{"result":3,"exception":null}"#,
    );

    let packed = soa::codec::msgpack::to_vec(&call).unwrap();
    let msgpack = [("content-type", "application/msgpack")];
    let answer = soa::codec::msgpack::to_vec(&value!({ "result": 3, "exception": nil })).unwrap();
    assert_count(
        33,
        doors.count("POST", "/invoke", &msgpack, &packed),
        &answer,
    );

    let protobuf = [
        ("content-type", "application/x-protobuf"),
        ("x-rpc-method", METHOD),
    ];
    assert_count(
        35,
        doors.count("POST", "/invoke", &protobuf, &[0x08, 1, 0x10, 2]),
        &[0x08, 3],
    );
}

#[test]
fn a_request_by_a_route_and_one_by_name_take_so_many_allocations() {
    let doors = Doorway::new();
    assert_count(37, doors.count("GET", "/add/1/2", &[], b""), b"3");
    let json = [("content-type", "application/json")];
    let body = br#"{"first":1,"second":2}"#;
    assert_count(
        36,
        doors.count("POST", "/call/sums/add", &json, body),
        br#"{"sum":3}"#,
    );
}
