//! A component with the declarations of the captured exchanges.

use std::collections::BTreeMap;
use std::time::Duration;

use soa::__private::{ActionCall, ServiceAction, run};
use soa::http::{Doors, HttpSettings};
use soa::{
    Action, ActionDescriptor, ActionError, Blob, Channel, Component, Context, DateTime, Decimal,
    Service, ServiceDescriptor, Value,
};

#[soa::body]
#[derive(Clone, Copy)]
#[schemars(extend("x-soa-package" = "example.types"))]
pub(crate) struct Point {
    x: i64,
    y: i64,
}

#[soa::body]
#[schemars(extend("x-soa-package" = "example.types"))]
pub(crate) struct Scalars {
    i: i64,
    f: f64,
    b: bool,
    s: String,
}

#[soa::body]
#[schemars(extend("x-soa-package" = "example.types"))]
pub(crate) struct Tag {
    key: String,
    value: Option<String>,
}

#[soa::body]
#[serde(rename_all = "lowercase")]
pub(crate) enum Color {
    Red,
    Green,
}

#[soa::body]
pub(crate) struct Node {
    label: String,
    at: Point,
    path: Vec<Point>,
    tags: Vec<Tag>,
}

fn price() -> f64 {
    1.5
}

#[soa::body]
pub(crate) struct Item {
    id: i64,
    name: String,
    #[serde(default = "price")]
    price: f64,
    #[serde(default)]
    labels: Vec<String>,
    note: Option<String>,
    at: Option<Point>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[soa::body]
pub(crate) struct Found {
    text: String,
    limit: i64,
    exact: bool,
}

fn item(number: i64) -> Item {
    Item {
        id: number,
        name: format!("item {number}"),
        price: number as f64 + 0.5,
        labels: (0..number).map(|label| format!("l{label}")).collect(),
        note: (number % 2 == 0).then(|| "even".to_owned()),
        at: None,
        tags: vec![Tag {
            key: "k".to_owned(),
            value: Some(number.to_string()),
        }],
    }
}

fn named(id: i64, name: String) -> Item {
    Item {
        name,
        labels: Vec::new(),
        note: None,
        tags: Vec::new(),
        price: price(),
        ..item(id)
    }
}

macro_rules! bodies {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $ty:ty),* })*) => {
        $(#[soa::body] pub(crate) struct $name { $($(#[$attribute])* $field: $ty),* })*
    };
}

fn ten() -> i64 {
    10
}

fn one() -> i64 {
    1
}

bodies! {
    Str { value: String }
    Int { value: i64 }
    Float { value: f64 }
    Bool { value: bool }
    Bytes { value: Blob }
    FourScalars { i: i64, f: f64, b: bool, s: String }
    ScalarsResult { result: Scalars }
    Add { a: i64, #[serde(default = "ten")] b: i64 }
    Ints { values: Vec<i64> }
    Strs { values: Vec<String> }
    OnePoint { point: Point }
    OneNode { node: Node }
    OneItem { item: Item }
    Move { points: Vec<Point>, dx: i64, dy: i64 }
    Points { result: Vec<Point> }
    Count { count: i64 }
    Items { result: Vec<Item> }
    IntMap { value: BTreeMap<String, i64> }
    MaybeStr { value: Option<String> }
    MaybeInt { value: Option<i64> }
    MaybePoint { value: Option<Point> }
    Untyped { result: Value }
    When { value: DateTime }
    Exact { value: Decimal }
    Colored { value: Color }
    Message { message: String }
    Later { value: String, seconds: f64 }
    SetHealth { status: String, details: String }
    Seconds { seconds: f64 }
    Hello { name: String, #[serde(default = "one")] times: i64 }
    Sum { a: i64, b: i64 }
    Search { text: String, #[serde(default = "ten")] limit: i64, #[serde(default)] exact: bool }
    FoundResult { result: Found }
    Update { id: i64, item: Item, #[serde(default)] dry_run: bool }
    MovePoints { points: Vec<Point>, #[serde(default)] dx: i64 }
    Id { id: i64 }
    IdAndItem { id: i64, item: Item }
    IdAndName { id: i64, name: String }
    Name { name: String }
}

fn raised<T>(message: String) -> Result<T, ActionError> {
    Err(ActionError::server("RAISED", message))
}

/// A service whose package and type are written down by hand.
macro_rules! service {
    ($service:ident, $name:literal, {
        $($action:ident: $request:ty => $response:ty = |$body:pat_param, $cx:pat_param| $answer:expr;)*
    }) => {
        pub(crate) struct $service;

        impl Service for $service {
            const DESCRIPTOR: &'static ServiceDescriptor = {
                const ACTIONS: &[ActionDescriptor] =
                    &[$(Action::<$request, $response>::new(stringify!($action)).describe("")),*];
                const DESCRIPTOR: ServiceDescriptor =
                    ServiceDescriptor::new($name, "1.0.0", "", ACTIONS)
                        .with_type_name(stringify!($service))
                        .with_package("example.api");
                &DESCRIPTOR
            };
            const ACTIONS: &'static [ServiceAction<Self>] = &[$(
                ServiceAction::new(
                    Action::<$request, $response>::new(stringify!($action)),
                    |_, call: ActionCall| {
                        run(
                            Action::<$request, $response>::new(stringify!($action)),
                            call,
                            |body: $request, cx: Context| async move {
                                let ($body, $cx) = (body, cx);
                                let answer: Result<$response, ActionError> = $answer;
                                answer
                            },
                        )
                    },
                )
            ),*];
        }
    };
}

service!(ExampleService, "example", {
    echo_str: Str => Str = |request, _| Ok(request);
    echo_int: Int => Int = |request, _| Ok(request);
    echo_float: Float => Float = |request, _| Ok(request);
    echo_bool: Bool => Bool = |request, _| Ok(request);
    echo_bytes: Bytes => Bytes = |request, _| Ok(request);
    scalars: FourScalars => ScalarsResult = |request, _| {
        let FourScalars { i, f, b, s } = request;
        Ok(ScalarsResult { result: Scalars { i, f, b, s } })
    };
    add: Add => Int = |request, _| match request.a.checked_add(request.b) {
        Some(value) => Ok(Int { value }),
        None => raised("the sum is too large".to_owned()),
    };
    echo_ints: Ints => Ints = |request, _| Ok(request);
    echo_strs: Strs => Strs = |request, _| Ok(request);
    echo_point: OnePoint => OnePoint = |request, _| Ok(request);
    move: Move => Points = |request, _| {
        let Move { points, dx, dy } = request;
        let moved = points.into_iter().map(|at| Point { x: at.x + dx, y: at.y + dy });
        Ok(Points { result: moved.collect() })
    };
    echo_node: OneNode => OneNode = |request, _| Ok(request);
    echo_item: OneItem => OneItem = |request, _| Ok(request);
    items: Count => Items = |request, _| Ok(Items { result: (0..request.count).map(item).collect() });
    echo_map: IntMap => IntMap = |request, _| Ok(request);
    maybe_str: MaybeStr => MaybeStr = |request, _| Ok(request);
    maybe_int: MaybeInt => MaybeInt = |request, _| Ok(request);
    maybe_point: MaybePoint => MaybePoint = |request, _| Ok(request);
    nothing: () => () = |_, _| Ok(());
    untyped_result: Int => Untyped = |request, _| {
        let number = (request.value >= 0).then_some(request.value);
        Ok(Untyped { result: number.map_or(Value::Nil, Value::from) })
    };
    echo_datetime: When => When = |request, _| Ok(request);
    echo_decimal: Exact => Exact = |request, _| Ok(request);
    echo_uuid: Str => Str = |request, _| Ok(request);
    echo_color: Colored => Colored = |request, _| Ok(request);
    a_datetime: () => When = |_, _| {
        Ok(When { value: "2024-01-02T03:04:05.678901".parse().unwrap() })
    };
    a_decimal: () => Exact = |_, _| Ok(Exact { value: "12.30".parse().unwrap() });
    a_uuid: () => Str = |_, _| Ok(Str { value: "12345678-1234-5678-1234-567812345678".to_owned() });
    a_color: () => Colored = |_, _| Ok(Colored { value: Color::Green });
    fail: Message => Str = |request, _| raised(request.message);
    fail_list: Message => Ints = |request, _| raised(request.message);
    fail_point: Message => OnePoint = |request, _| raised(request.message);
    later: Later => Str = |request, _| {
        tokio::time::sleep(Duration::from_secs_f64(request.seconds)).await;
        Ok(Str { value: request.value })
    };
    later_items: Count => Items = |request, _| Ok(Items { result: (0..request.count).map(item).collect() });
    authorization: () => Str = |_, cx| {
        let header = cx.http().and_then(|request| request.header("authorization"));
        Ok(Str { value: header.unwrap_or_default().to_owned() })
    };
    set_health: SetHealth => Str = |request, _| Ok(Str { value: request.status });
    set_delay: Seconds => Float = |request, _| Ok(Float { value: request.seconds });
});

service!(DefaultNamed, "default-named", {
    ping: () => Str = |_, _| Ok(Str { value: "pong".to_owned() });
});

service!(ExampleRest, "example-rest", {
    hello: Hello => Str = |request, _| Ok(Str { value: format!("hello {}", request.name) });
    sum: Sum => Int = |request, _| Ok(Int { value: request.a + request.b });
    search: Search => FoundResult = |request, _| {
        let Search { text, limit, exact } = request;
        Ok(FoundResult { result: Found { text, limit, exact } })
    };
    optional: MaybeInt => MaybeInt = |request, _| Ok(request);
    many: Ints => Ints = |request, _| Ok(request);
    add_item: OneItem => OneItem = |request, _| Ok(request);
    update: Update => OneItem = |request, _| Ok(OneItem { item: request.item });
    points: MovePoints => Points = |request, _| Ok(Points { result: request.points });
    touch: Id => Int = |request, _| Ok(Int { value: request.id });
    replace: IdAndItem => OneItem = |request, _| Ok(OneItem { item: request.item });
    set_name: IdAndName => OneItem = |request, _| Ok(OneItem { item: named(request.id, request.name) });
    remove: Id => Bool = |request, _| Ok(Bool { value: request.id < 100 });
    rename: IdAndName => OneItem = |request, _| Ok(OneItem { item: named(request.id, request.name) });
    missing: () => Str = |_, _| raised("no such thing".to_owned());
    expired: () => Str = |_, _| raised("the token has expired".to_owned());
    boom: () => Str = |_, _| raised("boom".to_owned());
    nothing: () => () = |_, _| Ok(());
    later: Name => Str = |request, _| Ok(Str { value: format!("later {}", request.name) });
});

/// Returns the doors of the component.
pub(crate) fn doors() -> Doors {
    let component = Component::builder("example-component")
        .service(ExampleService)
        .service(DefaultNamed)
        .service(ExampleRest)
        .channels([
            Channel::Rest,
            Channel::Json,
            Channel::MessagePack,
            Channel::Protobuf,
        ])
        .build()
        .unwrap();
    Doors::new(component, HttpSettings::default()).unwrap()
}
