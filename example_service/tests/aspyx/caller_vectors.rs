//! Captured calls of the reference's client: a typed client sends the same for the same call, and reads what was answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response};
use example_service::component::arguments::*;
use example_service::component::{
    DefaultNamedClient, ExampleRestClient, ExampleServiceClient, Hello, Id, Item, NewItem, NewName,
    Node, Point, Points, Search, Tag, Update,
};
use soa::http::HttpTransport;
use soa::{Client, ClientError};

use crate::vectors::{Vector, vectors};

/// A request that a server got, and its answer.
#[derive(Default)]
struct Exchange {
    got: Mutex<Option<(Parts, Bytes)>>,
}

/// Serves one answer, to every request.
fn answering(vector: &Vector) -> (String, Arc<Exchange>) {
    let exchange = Arc::new(Exchange::default());
    let status = vector
        .told
        .pointer("/response/status")
        .unwrap()
        .as_u64()
        .unwrap();
    let status = u16::try_from(status).unwrap();
    let headers = vector.told.pointer("/response/headers").unwrap().clone();
    let body = vector.body("response");
    let shared = Arc::clone(&exchange);
    let answer = move |request: Request<Body>| async move {
        let (head, got) = request.into_parts();
        let got = axum::body::to_bytes(got, usize::MAX).await.unwrap();
        *shared.got.lock().unwrap() = Some((head, got));
        let mut response = Response::builder().status(status);
        for (name, value) in headers.as_object().unwrap() {
            response = response.header(name, value.as_str().unwrap());
        }
        response.body(Body::from(body)).unwrap()
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        axum::serve(listener, Router::new().fallback(answer))
            .await
            .unwrap();
    });
    (url, exchange)
}

fn points() -> Vec<Point> {
    vec![Point { x: 1, y: 2 }, Point { x: -3, y: 300 }]
}

fn tag(key: &str, value: Option<&str>) -> Tag {
    Tag {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    }
}

/// Makes the call of a vector. Returns its outcome as text.
async fn made(name: &str, client: &Client) -> Option<Result<String, ClientError>> {
    fn told<T: std::fmt::Debug>(
        outcome: Result<T, ClientError>,
    ) -> Option<Result<String, ClientError>> {
        Some(outcome.map(|told| format!("{told:?}")))
    }
    let example = ExampleServiceClient::new(client);
    let rest = ExampleRestClient::new(client);
    let message = |text: &str| Message {
        message: text.to_owned(),
    };
    let (_, action) = name.trim_end_matches(".json").split_once('_').unwrap();
    match action {
        "json_echo_str" => told(
            example
                .echo_str(TextValue {
                    value: "wörld ☃".to_owned(),
                })
                .await,
        ),
        "json_scalars" | "msgpack_scalars" => {
            let scalars = ScalarArguments {
                i: -7,
                f: 2.5,
                b: true,
                s: "x".to_owned(),
            };
            told(example.scalars(scalars).await)
        }
        "protobuf_scalars" => {
            let scalars = ScalarArguments {
                i: -7,
                f: 2.5,
                b: false,
                s: String::new(),
            };
            told(example.scalars(scalars).await)
        }
        "json_move" | "msgpack_move" | "protobuf_move" => told(
            example
                .move_points(Move {
                    points: points(),
                    dx: 10,
                    dy: -1,
                })
                .await,
        ),
        "json_echo_node" | "protobuf_echo_node" => {
            let node = Node {
                label: "n".to_owned(),
                at: Point { x: 1, y: -2 },
                path: vec![Point { x: 3, y: 4 }, Point { x: 0, y: 0 }],
                tags: vec![tag("a", Some("b")), tag("c", Some(""))],
            };
            told(example.echo_node(NodeArgument { node }).await)
        }
        "json_echo_item" | "protobuf_echo_item" => told(
            example
                .echo_item(ItemArgument {
                    item: Item::named(1, "a"),
                })
                .await,
        ),
        "json_maybe_none" | "protobuf_maybe_none" => {
            told(example.maybe_str(MaybeText { value: None }).await)
        }
        "json_nothing" | "protobuf_nothing" => told(example.nothing().await),
        "json_fail" => told(example.fail(message("boom ü")).await),
        "msgpack_fail" | "protobuf_fail" => told(example.fail(message("boom")).await),
        "msgpack_fail_empty" => told(example.fail(message("")).await),
        "protobuf_fail_list" => told(example.fail_list(message("boom")).await),
        "json_big_int" => told(example.echo_int(IntValue { value: i64::MAX }).await),
        "json_a_decimal" => told(example.a_decimal().await),
        "json_a_datetime" => told(example.a_datetime().await),
        "msgpack_a_uuid" => told(example.a_uuid().await),
        "msgpack_echo_bytes" => told(
            example
                .echo_bytes(BytesValue {
                    value: b"\x00\xff raw".to_vec().into(),
                })
                .await,
        ),
        "protobuf_echo_ints" => told(
            example
                .echo_ints(IntValues {
                    values: vec![1, -2, 300],
                })
                .await,
        ),
        "protobuf_default_named" => told(DefaultNamedClient::new(client).ping().await),
        "rest_get" => told(
            rest.hello(Hello {
                name: "wörld x".to_owned(),
                times: 2,
            })
            .await,
        ),
        "rest_get_query" => {
            let search = Search {
                text: "a b+c&d".to_owned(),
                limit: 5,
                exact: true,
            };
            told(rest.search(search).await)
        }
        "rest_post" => {
            let item = Item {
                price: 0.25,
                labels: vec!["x".to_owned(), "y".to_owned()],
                note: Some("n".to_owned()),
                tags: vec![tag("k", None), tag("l", Some("v"))],
                ..Item::named(2, "b")
            };
            told(rest.add_item(NewItem { item }).await)
        }
        "rest_post_list" => told(
            rest.points(Points {
                points: points(),
                dx: 5,
            })
            .await,
        ),
        "rest_post_unmarked" => {
            let update = Update {
                id: 7,
                item: Item::named(1, "a"),
                dry_run: true,
            };
            told(rest.update(update).await)
        }
        "rest_put" => told(
            rest.set_name(NewName {
                id: 4,
                name: "n".to_owned(),
            })
            .await,
        ),
        "rest_delete" => told(rest.remove(Id { id: 1 }).await),
        "rest_missing" => told(rest.missing().await),
        _ => None,
    }
}

fn client(vector: &Vector, url: &str) -> Client {
    let transport = match vector.text("/channel") {
        "dispatch-json" => HttpTransport::json(url),
        "dispatch-msgpack" => HttpTransport::msgpack(url),
        "dispatch-protobuf" => HttpTransport::protobuf(url),
        _ => HttpTransport::rest(url),
    };
    let transport = transport.unwrap().component("example-component");
    let client = Client::builder()
        .service("example", transport.clone())
        .service("default-named", transport.clone())
        .service("example-rest", transport);
    client.build().unwrap()
}

/// The parts of a query, of which the order is free.
fn parts(target: &str) -> Vec<&str> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.sort_unstable();
    parts.insert(0, path);
    parts
}

#[tokio::test]
async fn a_captured_call_is_sent_with_the_same_bytes_and_its_answer_is_read() {
    let mut calls = 0;
    for vector in vectors("dispatch-").into_iter().chain(vectors("rest")) {
        if vector.text("/request_by") != "reference client" {
            continue;
        }
        let (url, exchange) = answering(&vector);
        let Some(outcome) = made(&vector.name, &client(&vector, &url)).await else {
            continue;
        };
        calls += 1;
        let name = &vector.name;
        let (head, body) = exchange
            .got
            .lock()
            .unwrap()
            .take()
            .unwrap_or_else(|| panic!("{name}: nothing was sent"));
        assert_eq!(
            head.method.as_str(),
            vector.text("/request/method"),
            "{name}"
        );
        assert_eq!(
            parts(head.uri.path_and_query().unwrap().as_str()),
            parts(vector.text("/request/target")),
            "{name}"
        );
        assert_eq!(
            body,
            vector.body("request"),
            "{name}: {}",
            String::from_utf8_lossy(&body)
        );
        for (header, value) in vector
            .told
            .pointer("/request/headers")
            .unwrap()
            .as_object()
            .unwrap()
        {
            let sent = head
                .headers
                .get(header)
                .map(|value| value.to_str().unwrap());
            // A call without a body has no type of one.
            if !body.is_empty() || header != "content-type" || name.contains("protobuf") {
                assert_eq!(sent, value.as_str(), "{name}: {header}");
            }
        }
        let fails = name.contains("fail")
            || name.contains("missing")
            || vector.told["response"]["status"] == 500;
        assert_eq!(outcome.is_err(), fails, "{name}: {outcome:?}");
        insta::assert_snapshot!(
            format!("read_{}", name.trim_end_matches(".json")),
            outcome.unwrap_or_else(|error| error.errors()[0].to_string())
        );
    }
    assert!(calls >= 35, "{calls} calls");
}
