//! Typed clients of the contract over HTTP: they call the component, and the unmodified server of the reference, by every
//! channel.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::Duration;

use example_service::component::arguments::*;
use example_service::component::{
    Color, DefaultNamedClient, ExampleRestClient, ExampleServiceClient, Hello, Id, Item, Many,
    Name, NewItem, NewName, Node, Point, Points, Replacement, Scalars, Search, Sum, Tag, Update,
};
use soa::http::HttpTransport;
use soa::{BuildError, Channel, Client, ClientError, Value, value};

use crate::support::{Served, folder};

/// The server of the reference as a process.
#[derive(Debug)]
struct Reference {
    child: Child,
    url: String,
}

impl Reference {
    async fn start() -> Self {
        let python = std::env::var("ASPYX_PYTHON").expect(
            "ASPYX_PYTHON names a Python with aspyx-service 0.11.4: `./run-tests` installs one",
        );
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new(python)
            .arg("server.py")
            .arg(address.port().to_string())
            .current_dir(folder().join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let started = Self {
            child,
            url: format!("http://{address}"),
        };
        for _ in 0..600 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return started;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server of the reference does not listen");
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn transport(channel: Channel, url: &str) -> Result<HttpTransport, BuildError> {
    let transport = match channel {
        Channel::Json => HttpTransport::json(url),
        Channel::MessagePack => HttpTransport::msgpack(url),
        Channel::Protobuf => HttpTransport::protobuf(url),
        Channel::Rest => HttpTransport::rest(url),
        Channel::Call => HttpTransport::call(format!("{url}/call")),
    };
    Ok(transport?.component("example-component"))
}

fn client(channel: Channel, url: &str) -> Client {
    let one = transport(channel, url).unwrap();
    Client::builder()
        .service("example", one.clone())
        .service("default-named", one.clone())
        .service("example-rest", one)
        .build()
        .unwrap()
}

/// The text of the only error of a call.
fn text(outcome: Result<impl std::fmt::Debug, ClientError>) -> String {
    let error = outcome.unwrap_err();
    let errors = error.errors();
    assert_eq!(errors.len(), 1, "{error}");
    errors[0].message.to_string()
}

/// Calls every action of the service `example`. The reference cannot answer some of them.
async fn calls_by_position(channel: Channel, url: &str, is_reference: bool) {
    let client = client(channel, url);
    let example = ExampleServiceClient::new(&client);
    let is_protobuf = channel == Channel::Protobuf;

    let said = example
        .echo_str(TextValue {
            value: "grüße".to_owned(),
        })
        .await
        .unwrap();
    assert_eq!(said.result, "grüße");
    assert_eq!(
        example
            .echo_int(IntValue { value: -7 })
            .await
            .unwrap()
            .result,
        -7
    );
    assert_eq!(
        example
            .echo_float(FloatValue { value: 0.5 })
            .await
            .unwrap()
            .result,
        0.5
    );
    assert!(
        !example
            .echo_bool(BoolValue { value: false })
            .await
            .unwrap()
            .result
    );
    // The reference neither reads nor writes bytes by JSON.
    if channel != Channel::Json || !is_reference {
        let bytes = example.echo_bytes(BytesValue {
            value: vec![0, 1, 255].into(),
        });
        assert_eq!(&*bytes.await.unwrap().result, [0, 1, 255]);
    }
    let scalars = ScalarArguments {
        i: 1,
        f: 2.5,
        b: true,
        s: "s".to_owned(),
    };
    let scalars = example.scalars(scalars).await.unwrap().result;
    assert_eq!(
        scalars,
        Scalars {
            i: 1,
            f: 2.5,
            b: true,
            s: "s".to_owned()
        }
    );
    assert_eq!(
        example.add(Summands { a: 1, b: 2 }).await.unwrap().result,
        3
    );
    let numbers = example
        .echo_ints(IntValues {
            values: vec![1, 2, 300],
        })
        .await
        .unwrap();
    assert_eq!(numbers.result, [1, 2, 300]);
    let texts = example.echo_strs(TextValues {
        values: vec!["a".to_owned(), String::new()],
    });
    assert_eq!(texts.await.unwrap().result, ["a", ""]);
    let point = Point { x: 1, y: -2 };
    let echoed = example
        .echo_point(PointArgument {
            point: point.clone(),
        })
        .await
        .unwrap();
    assert_eq!(echoed.result, point);
    let node = Node {
        label: "n".to_owned(),
        at: point.clone(),
        path: vec![point.clone(), Point { x: 3, y: 4 }],
        tags: vec![Tag {
            key: "k".to_owned(),
            value: None,
        }],
    };
    let echoed = example
        .echo_node(NodeArgument { node: node.clone() })
        .await
        .unwrap();
    assert_eq!(echoed.result, node);
    let item = Item::numbered(2);
    let echoed = example
        .echo_item(ItemArgument { item: item.clone() })
        .await
        .unwrap();
    assert_eq!(echoed.result, item);
    let moved = example
        .move_points(Move {
            points: vec![point.clone()],
            dx: 1,
            dy: 1,
        })
        .await
        .unwrap();
    assert_eq!(moved.result, [Point { x: 2, y: -1 }]);
    let items = example.items(Count { count: 3 }).await.unwrap();
    assert_eq!(
        items.result,
        [Item::numbered(0), Item::numbered(1), Item::numbered(2)]
    );
    let maybe = example
        .maybe_str(MaybeText {
            value: Some("x".to_owned()),
        })
        .await
        .unwrap();
    assert_eq!(maybe.result.as_deref(), Some("x"));
    assert_eq!(
        example
            .maybe_int(MaybeInt { value: None })
            .await
            .unwrap()
            .result,
        None
    );
    example.nothing().await.unwrap();
    let later = example
        .later(Later {
            value: "l".to_owned(),
            seconds: 0.01,
        })
        .await
        .unwrap();
    assert_eq!(later.result, "l");

    if is_protobuf {
        let outcome = example.maybe_int(MaybeInt { value: Some(1) }).await;
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.contains("value") && error.contains("dispatch-json"),
            "{error}"
        );
        let outcome = example.echo_int(IntValue { value: 1 << 35 }).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("does not fit into 32 bits"), "{error}");
    } else {
        assert_eq!(
            example
                .maybe_int(MaybeInt { value: Some(1) })
                .await
                .unwrap()
                .result,
            Some(1)
        );
        let maybe = example
            .maybe_point(MaybePoint {
                value: Some(point.clone()),
            })
            .await
            .unwrap();
        assert_eq!(maybe.result, Some(point));
        let map = BTreeMap::from([("a".to_owned(), 1)]);
        assert_eq!(
            example
                .echo_map(MapValue { value: map.clone() })
                .await
                .unwrap()
                .result,
            map
        );
        let wide = example
            .echo_int(IntValue { value: i64::MIN })
            .await
            .unwrap();
        assert_eq!(wide.result, i64::MIN);
        let untyped = example.untyped_result(IntValue { value: 5 }).await.unwrap();
        assert_eq!(untyped.result, Value::from(5));
    }
    // By MessagePack, the reference cannot write these; by protobuf, it cannot either.
    if !is_reference || channel == Channel::Json {
        let date = example.a_datetime().await.unwrap().result;
        assert_eq!(date.to_string(), "2024-01-02T03:04:05.678901");
        assert_eq!(
            example.a_uuid().await.unwrap().result.to_string(),
            "12345678-1234-5678-1234-567812345678"
        );
        assert_eq!(example.a_color().await.unwrap().result, Color::Green);
        // A number in the reference's JSON, so that digits are lost.
        let decimal = example.a_decimal().await.unwrap().result.to_string();
        assert_eq!(decimal, if is_reference { "12.3" } else { "12.30" });
    }
    if !is_reference {
        let echoed = example
            .echo_color(ColorValue { value: Color::Red })
            .await
            .unwrap();
        assert_eq!(echoed.result, Color::Red);
    }
    let message = || Message {
        message: "it failed".to_owned(),
    };
    assert!(text(example.fail(message()).await).contains("it failed"));
    assert!(text(example.fail_list(message()).await).contains("it failed"));
    assert!(text(example.fail_point(message()).await).contains("it failed"));

    let ping = DefaultNamedClient::new(&client).ping().await.unwrap();
    assert_eq!(ping.result, "pong");
}

#[tokio::test]
async fn a_typed_client_calls_the_component_by_position() {
    let served = Served::start();
    for channel in [
        Channel::Json,
        Channel::MessagePack,
        Channel::Protobuf,
        Channel::Call,
    ] {
        calls_by_position(channel, &served.url, false).await;
    }
}

#[tokio::test]
async fn a_typed_client_calls_the_reference_by_position() {
    let reference = Reference::start().await;
    for channel in [Channel::Json, Channel::MessagePack, Channel::Protobuf] {
        calls_by_position(channel, &reference.url, true).await;
    }
}

async fn calls_by_route(url: &str, is_reference: bool) {
    let client = client(Channel::Rest, url);
    let rest = ExampleRestClient::new(&client);
    let greeted = rest
        .hello(Hello {
            name: "wörld & co".to_owned(),
            times: 2,
        })
        .await
        .unwrap();
    assert_eq!(greeted.result, "hello wörld & co, hello wörld & co");
    if !is_reference {
        // The reference routes after it has decoded a path.
        let greeted = rest
            .hello(Hello {
                name: "a/b?c#d%2F".to_owned(),
                times: 1,
            })
            .await
            .unwrap();
        assert_eq!(greeted.result, "hello a/b?c#d%2F");
    }
    assert_eq!(rest.sum(Sum { a: 2, b: -5 }).await.unwrap().result, -3);
    let found = rest
        .search(Search {
            text: "a b&c".to_owned(),
            limit: 3,
            exact: true,
        })
        .await
        .unwrap();
    assert_eq!((&*found.text, found.limit, found.exact), ("a b&c", 3, true));
    assert_eq!(
        rest.optional(MaybeInt { value: None })
            .await
            .unwrap()
            .result,
        None
    );
    assert_eq!(
        rest.optional(MaybeInt { value: Some(4) })
            .await
            .unwrap()
            .result,
        Some(4)
    );
    if !is_reference {
        // The reference takes a list without a mark for a body.
        assert_eq!(
            rest.many(Many { values: vec![1, 2] }).await.unwrap().result,
            [1, 2]
        );
    }
    let item = Item::numbered(3);
    let added = rest.add_item(NewItem { item: item.clone() }).await.unwrap();
    assert_eq!(added.result, item);
    let points = Points {
        points: vec![Point { x: 1, y: 2 }],
        dx: 5,
    };
    assert_eq!(
        rest.points(points).await.unwrap().result,
        [Point { x: 6, y: 2 }]
    );
    assert_eq!(rest.touch(Id { id: 9 }).await.unwrap().result, 9);
    let replaced = rest
        .replace(Replacement {
            id: 7,
            item: item.clone(),
        })
        .await
        .unwrap();
    assert_eq!(
        replaced.result,
        Item {
            id: 7,
            ..item.clone()
        }
    );
    let named = rest
        .set_name(NewName {
            id: 1,
            name: "n".to_owned(),
        })
        .await
        .unwrap();
    assert_eq!(named.result, Item::named(1, "n"));
    assert!(rest.remove(Id { id: 1 }).await.unwrap().result);
    if !is_reference {
        let updated = rest
            .update(Update {
                id: 8,
                item,
                dry_run: true,
            })
            .await
            .unwrap();
        assert_eq!(
            (updated.result.id, updated.result.note.as_deref()),
            (8, Some("dry"))
        );
        let renamed = rest
            .rename(NewName {
                id: 1,
                name: "r".to_owned(),
            })
            .await
            .unwrap();
        assert_eq!(renamed.result, Item::named(1, "r"));
    }
    rest.nothing().await.unwrap();
    assert_eq!(
        rest.later(Name {
            name: "x".to_owned()
        })
        .await
        .unwrap()
        .result,
        "later x"
    );

    let missing = rest.missing().await.unwrap_err();
    assert_eq!(
        (&*missing.errors()[0].code, &*missing.errors()[0].message),
        ("NO_SUCH_THING", "no such thing")
    );
    let expired = rest.expired().await.unwrap_err();
    assert_eq!(&*expired.errors()[0].code, "ACCESS_DENIED");
    assert!(expired.errors()[0].message.contains("expired"), "{expired}");
    let boom = rest.boom().await.unwrap_err();
    assert_eq!(boom.errors()[0].http().unwrap().status, Some(500));
}

#[tokio::test]
async fn a_typed_client_calls_the_component_by_its_routes() {
    let served = Served::start();
    calls_by_route(&served.url, false).await;
}

#[tokio::test]
async fn a_typed_client_calls_the_reference_by_its_routes() {
    let reference = Reference::start().await;
    calls_by_route(&reference.url, true).await;
}

#[tokio::test]
async fn an_untyped_call_has_positions_or_a_channel_that_takes_names() {
    let served = Served::start();
    let json = client(Channel::Json, &served.url);
    let sum = json
        .call_positional("example", "add", [1, 2])
        .await
        .unwrap();
    assert_eq!(sum, Value::from(3));
    let by_default = json.call_positional("example", "add", [1]).await.unwrap();
    assert_eq!(by_default, Value::from(11));
    let error = json
        .call_action("example", "add", &value!({ "a": 1, "b": 2 }))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("call_positional"), "{error}");

    let named = client(Channel::Call, &served.url);
    let sum = named
        .call_action("example", "add", &value!({ "a": 1, "b": 2 }))
        .await
        .unwrap();
    assert_eq!(sum, value!({ "result": 3 }));
    let error = named
        .call_positional("example", "add", [1, 2])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("arguments by name"), "{error}");
}

#[tokio::test]
async fn a_job_of_several_actions_travels_by_the_channel_of_the_framework_only() {
    let served = Served::start();
    let named = client(Channel::Call, &served.url);
    let example = ExampleServiceClient::new(&named);
    let sum = |a| example.add(Summands { a, b: 1 });
    let (first, second) = named.job((sum(1), sum(2))).await.unwrap();
    assert_eq!((first.result, second.result), (2, 3));
    let failing = example.fail(Message {
        message: "no".to_owned(),
    });
    let (failed, after) = named
        .job((failing, sum(3)))
        .continue_on_error()
        .await
        .unwrap();
    assert_eq!(text(failed), "no");
    assert_eq!(after.unwrap().result, 4);

    let json = client(Channel::Json, &served.url);
    let example = ExampleServiceClient::new(&json);
    let sum = |a| example.add(Summands { a, b: 1 });
    let error = json.job((sum(1), sum(2))).await.unwrap_err();
    assert!(
        error.to_string().contains("one action at a time"),
        "{error}"
    );
    let (first, second) = json.parallel((sum(1), sum(2))).await.unwrap();
    assert_eq!((first.result, second.result), (2, 3));
}

#[tokio::test]
async fn wrong_arguments_are_told_field_by_field() {
    let served = Served::start();
    let json = client(Channel::Json, &served.url);
    let wrong = value!(["one", "two"]);
    let Value::List(wrong) = wrong else {
        unreachable!()
    };
    let error = json
        .call_positional("example", "add", wrong)
        .await
        .unwrap_err();
    let fields: Vec<_> = error
        .errors()
        .iter()
        .map(|error| error.field.as_deref())
        .collect();
    assert_eq!(fields, [Some("a"), Some("b")]);
    assert!(error.errors().iter().all(|error| error.code == "INVALID"));
}

#[tokio::test]
async fn a_call_that_is_sent_now_is_collected_later() {
    let served = Served::start();
    for channel in [Channel::Json, Channel::Call] {
        let client = client(channel, &served.url);
        let example = ExampleServiceClient::new(&client);
        let slow = example.later(Later {
            value: "slow".to_owned(),
            seconds: 0.3,
        });
        let begun = std::time::Instant::now();
        let pending = slow.send().await.unwrap();
        assert!(
            begun.elapsed() < Duration::from_millis(250),
            "it waited for the response"
        );
        assert_eq!(pending.await.unwrap().result, "slow");
        example
            .echo_int(IntValue { value: 1 })
            .send_and_forget()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_at_once_and_a_timeout_bounds_a_call() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client_of_nobody = client(Channel::Json, &nobody);
    let gone = ExampleServiceClient::new(&client_of_nobody);
    let error = gone.echo_int(IntValue { value: 1 }).await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert!(error.is_transient());

    let served = Served::start();
    let client = client(Channel::Json, &served.url);
    let example = ExampleServiceClient::new(&client);
    let slow = example.later(Later {
        value: String::new(),
        seconds: 5.0,
    });
    let error = slow.timeout(Duration::from_millis(100)).await.unwrap_err();
    assert!(error.to_string().contains("100ms"), "{error}");
}
