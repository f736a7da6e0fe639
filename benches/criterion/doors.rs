//! A request by `POST /invoke` and one by a route, from the router to the whole answer, against a bare handler of axum with
//! the same bodies. No socket is in it.
//!
//! The numbers are to be compared with each other, in one run.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Setting up a bench.

use std::hint::black_box;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use axum::routing::post;
use axum::{Json, Router};
use criterion::{Criterion, criterion_group, criterion_main};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Server, service};
use tower::ServiceExt;

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Add {
    first: i64,
    second: i64,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Sum {
    sum: i64,
}

struct Sums;

#[service(name = "sums", version = "1.0.0")]
impl Sums {
    #[action(get = "/add/{first}/{second}")]
    async fn add(&self, request: Add) -> Result<Sum, ActionError> {
        Ok(Sum {
            sum: request.first + request.second,
        })
    }
}

#[derive(Deserialize)]
struct Call {
    args: (i64, i64),
}

#[derive(Serialize)]
struct Answer {
    result: i64,
    exception: Option<String>,
}

async fn bare(Json(call): Json<Call>) -> Json<Answer> {
    Json(Answer {
        result: call.args.0 + call.args.1,
        exception: None,
    })
}

fn invoke() -> Request<Body> {
    let body = r#"{"method":"sums:sums:add","args":[1,2]}"#;
    let request = Request::builder().method("POST").uri("/invoke");
    let request = request.header("content-type", "application/json");
    request.body(Body::from(body)).unwrap()
}

fn route() -> Request<Body> {
    Request::builder()
        .uri("/add/1/2")
        .body(Body::empty())
        .unwrap()
}

async fn answer(router: Router, request: Request<Body>) -> Bytes {
    let answer = router.oneshot(request).await.unwrap();
    to_bytes(answer.into_body(), usize::MAX).await.unwrap()
}

fn doors(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let soa = soa::http::router(Server::builder(Sums).build().unwrap()).unwrap();
    let bare = Router::new().route("/invoke", post(bare));
    let expected = r#"{"result":3,"exception":null}"#;
    assert_eq!(runtime.block_on(answer(soa.clone(), invoke())), expected);
    assert_eq!(runtime.block_on(answer(bare.clone(), invoke())), expected);
    assert_eq!(runtime.block_on(answer(soa.clone(), route())), "3");

    let mut group = criterion.benchmark_group("request to answer");
    group.bench_function("soa, POST /invoke", |bencher| {
        bencher.iter(|| runtime.block_on(answer(soa.clone(), black_box(invoke()))));
    });
    group.bench_function("soa, GET by a route", |bencher| {
        bencher.iter(|| runtime.block_on(answer(soa.clone(), black_box(route()))));
    });
    group.bench_function("axum, POST /invoke", |bencher| {
        bencher.iter(|| runtime.block_on(answer(bare.clone(), black_box(invoke()))));
    });
    group.finish();
}

criterion_group!(benches, doors);
criterion_main!(benches);
