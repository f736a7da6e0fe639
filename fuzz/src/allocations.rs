//! The number of allocations that one request takes, by each way in, its answer included. The limits are what was counted: a
//! change that needs more of them says so here.

use std::hint::black_box;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use axum::routing::post;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Component, Server, service, value};
use tokio::runtime::Runtime;
use tower::ServiceExt;

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

/// A router, and a runtime of this thread to call it.
struct Doorway {
    router: Router,
    runtime: Runtime,
}

impl Doorway {
    fn new() -> Self {
        let component = Component::builder("sums-component").service(Server::builder(Sums));
        let mut settings = HttpSettings::default();
        settings.protobuf = Some(true);
        let doors = Doors::new(component.build().unwrap(), settings).unwrap();
        Self::of(doors.into_router())
    }

    fn of(router: Router) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        Self { router, runtime }
    }

    /// Sends the request twice, and returns the allocations of the second time, without those of the request itself.
    fn count(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (usize, Bytes) {
        let send = || {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Body::from(body.to_vec())).unwrap();
            let answer = self.router.clone();
            allocations_of(|| self.runtime.block_on(read(answer, request)))
        };
        // Schemas and tables are made for the first request.
        drop(black_box(send()));
        let (allocations, response) = send();
        assert_eq!(response.status(), 200, "{:?}", response.body());
        (allocations, response.into_body())
    }
}

async fn read(router: Router, request: Request<Body>) -> Response<Bytes> {
    let (head, body) = router.oneshot(request).await.unwrap().into_parts();
    Response::from_parts(head, to_bytes(body, usize::MAX).await.unwrap())
}

/// Asserts that a request takes no more than this many allocations, and that its answer is the expected one.
fn assert_at_most(limit: usize, (allocations, answer): (usize, Bytes), expected: &[u8]) {
    assert_eq!(answer, expected, "{}", String::from_utf8_lossy(&answer));
    assert!(
        allocations <= limit,
        "{allocations} allocations, of {limit}"
    );
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
    let bare = Doorway::of(Router::new().route("/invoke", post(add)));
    let body = br#"{"method":"sums-component:sums:add","args":[1,2]}"#;
    let json = [("content-type", "application/json")];
    assert_at_most(
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
    assert_at_most(
        42,
        doors.count("POST", "/invoke", &json, &text),
        br#"{"result":3,"exception":null}"#,
    );

    let packed = soa::codec::msgpack::to_vec(&call).unwrap();
    let msgpack = [("content-type", "application/msgpack")];
    let answer = soa::codec::msgpack::to_vec(&value!({ "result": 3, "exception": nil })).unwrap();
    assert_at_most(
        42,
        doors.count("POST", "/invoke", &msgpack, &packed),
        &answer,
    );

    let protobuf = [
        ("content-type", "application/x-protobuf"),
        ("x-rpc-method", METHOD),
    ];
    assert_at_most(
        41,
        doors.count("POST", "/invoke", &protobuf, &[0x08, 1, 0x10, 2]),
        &[0x08, 3],
    );
}

#[test]
fn a_request_by_a_route_and_one_by_name_take_so_many_allocations() {
    let doors = Doorway::new();
    assert_at_most(57, doors.count("GET", "/add/1/2", &[], b""), b"3");
    let json = [("content-type", "application/json")];
    let body = br#"{"first":1,"second":2}"#;
    assert_at_most(
        51,
        doors.count("POST", "/call/sums/add", &json, body),
        br#"{"sum":3}"#,
    );
}
