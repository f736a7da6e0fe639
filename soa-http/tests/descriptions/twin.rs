//! A twin of the part of the example contract that is called by REST.

use std::sync::LazyLock;

use soa::__private::{HttpDeclared, Method, Route};
use soa::{Action, ActionDescriptor, ActionError, Component, Declared, Service, ServiceDescriptor};

use crate::support::actions;

#[soa::body]
#[derive(Clone)]
pub(crate) struct Point {
    x: i64,
    y: i64,
}

#[soa::body]
#[derive(Clone)]
pub(crate) struct Tag {
    key: String,
    value: Option<String>,
}

#[soa::body]
#[derive(Clone)]
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

fn price() -> f64 {
    1.5
}

impl Item {
    fn new(id: i64, name: String) -> Self {
        Self {
            id,
            name,
            price: price(),
            labels: Vec::new(),
            note: None,
            at: None,
            tags: Vec::new(),
        }
    }
}

#[soa::body]
pub(crate) struct Found {
    text: String,
    limit: i64,
    exact: bool,
}

/// A result of one value.
macro_rules! result {
    ($($name:ident($type:ty)),*) => {
        $(
            #[soa::body]
            pub(crate) struct $name {
                value: $type,
            }
        )*
    };
}

result!(
    Text(String),
    Number(i64),
    Truth(bool),
    Maybe(Option<i64>),
    Numbers(Vec<i64>),
    Points(Vec<Point>),
    One(Item)
);

/// A request with these fields.
macro_rules! request {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[soa::body]
        pub(crate) struct $name {
            $($(#[$attribute])* $field: $type),*
        }
    };
}

fn one() -> i64 {
    1
}

fn ten() -> i64 {
    10
}

request!(Hello {
    name: String,
    #[serde(default = "one")]
    times: i64
});
request!(Sum {
    /// the first number
    a: i64,
    b: i64,
});
request!(Search {
    /// what to look for
    text: String,
    #[serde(default = "ten")]
    limit: i64,
    #[serde(default)]
    exact: bool,
});
request!(Optional { value: Option<i64> });
request!(Many { values: Vec<i64> });
request!(AddItem {
    /// the item to create
    item: Item,
});
request!(Update {
    id: i64,
    item: Item,
    #[serde(default)]
    dry_run: bool
});
request!(MovePoints { points: Vec<Point>, #[serde(default)] dx: i64 });
request!(Id { id: i64 });
request!(Replace {
    id: i64,
    item: Item
});
request!(Rename {
    id: i64,
    name: String
});
request!(Name { name: String });

macro_rules! action {
    ($name:ident, $wire:literal, $request:ty, $response:ty, $method:ident $path:literal $($declared:tt)*) => {
        const $name: Action<$request, $response> = Action::new($wire).declared(
            &Declared::new().http(
                HttpDeclared::new()
                    .routes(&[Route::new(Method::$method, $path)])
                    $($declared)*
            ),
        );
    };
}

action!(HELLO, "hello", Hello, Text, Get "/hello/{name}" .summary("Greet somebody").tags(&["greetings"]));
action!(SUM, "sum", Sum, Number, Get "/sum/{a}/{b}");
action!(SEARCH, "search", Search, Found, Get "/search");
action!(OPTIONAL, "optional", Optional, Maybe, Get "/optional");
action!(MANY, "many", Many, Numbers, Get "/many");
action!(ADD_ITEM, "add_item", AddItem, One, Post "/items");
action!(UPDATE, "update", Update, One, Post "/items/{id}");
action!(POINTS, "points", MovePoints, Points, Post "/points" .body(soa::__private::BodyForm::Field("points")));
action!(TOUCH, "touch", Id, Number, Post "/touch/{id}");
action!(REPLACE, "replace", Replace, One, Put "/items/{id}");
action!(SET_NAME, "set_name", Rename, One, Put "/items/{id}/name");
action!(REMOVE, "remove", Id, Truth, Delete "/items/{id}");
action!(RENAME, "rename", Rename, One, Patch "/items/{id}");
action!(MISSING, "missing", (), Text, Get "/missing");
action!(EXPIRED, "expired", (), Text, Get "/expired");
action!(BOOM, "boom", (), Text, Get "/boom");
action!(NOTHING, "nothing", (), (), Get "/nothing");
action!(LATER, "later", Name, Text, Get "/later/{name}");

const DESCRIBED: &[ActionDescriptor] = &[
    HELLO.describe("Says hello.\n\nArgs:\n    name: whom to greet\n    times: how often"),
    SUM.describe("Adds two numbers."),
    SEARCH.describe(""),
    OPTIONAL.describe(""),
    MANY.describe(""),
    ADD_ITEM.describe(""),
    UPDATE.describe(""),
    POINTS.describe(""),
    TOUCH.describe(""),
    REPLACE.describe(""),
    SET_NAME.describe(""),
    REMOVE.describe(""),
    RENAME.describe(""),
    MISSING.describe(""),
    EXPIRED.describe(""),
    BOOM.describe(""),
    NOTHING.describe(""),
    LATER.describe(""),
];

/// The service `example-rest`.
pub(crate) struct ExampleRest;

type Outcome<T> = Result<T, ActionError>;

fn renamed(request: Rename) -> Outcome<One> {
    Ok(One {
        value: Item::new(request.id, request.name),
    })
}

fn hello(request: Hello) -> Outcome<Text> {
    let greeting = format!("hello {}", request.name);
    let times = usize::try_from(request.times).unwrap_or_default();
    Ok(Text {
        value: vec![greeting; times].join(", "),
    })
}

fn update(mut request: Update) -> Outcome<One> {
    request.item.id = request.id;
    if request.dry_run {
        request.item.note = Some("dry".to_owned());
    }
    Ok(One {
        value: request.item,
    })
}

fn points(mut request: MovePoints) -> Outcome<Points> {
    for point in &mut request.points {
        point.x += request.dx;
    }
    Ok(Points {
        value: request.points,
    })
}

fn replace(mut request: Replace) -> Outcome<One> {
    request.item.id = request.id;
    Ok(One {
        value: request.item,
    })
}

fn expired((): ()) -> Outcome<Text> {
    let told = r#"Bearer error="invalid_token", error_description="the token has expired""#;
    let error = ActionError::caller("EXPIRED", "the token has expired");
    Err(error.http_status(401).http_header("WWW-Authenticate", told))
}

impl Service for ExampleRest {
    const DESCRIPTOR: &'static ServiceDescriptor =
        &ServiceDescriptor::new("example-rest", "1.2.3", "the same by plain HTTP", DESCRIBED)
            .with_type_name("ExampleRest")
            .with_rest("/example");

    actions! {
        HELLO => hello,
        SUM => |request: Sum| Outcome::Ok(Number { value: request.a + request.b }),
        SEARCH => |request: Search| Outcome::Ok(Found { text: request.text, limit: request.limit, exact: request.exact }),
        OPTIONAL => |request: Optional| Outcome::Ok(Maybe { value: request.value }),
        MANY => |request: Many| Outcome::Ok(Numbers { value: request.values }),
        ADD_ITEM => |request: AddItem| Outcome::Ok(One { value: request.item }),
        UPDATE => update,
        POINTS => points,
        TOUCH => |request: Id| Outcome::Ok(Number { value: request.id }),
        REPLACE => replace,
        SET_NAME => renamed,
        REMOVE => |request: Id| Outcome::Ok(Truth { value: request.id < 100 }),
        RENAME => renamed,
        MISSING => |(): ()| Outcome::<Text>::Err(ActionError::caller("NOT_FOUND", "no such thing").http_status(404)),
        EXPIRED => expired,
        BOOM => |(): ()| Outcome::<Text>::Err(ActionError::server("BOOM", "boom")),
        NOTHING => |(): ()| Outcome::Ok(()),
        LATER => |request: Name| Outcome::Ok(Text { value: format!("later {}", request.name) }),
    }
}

/// The component `example-component` with this service.
pub(crate) static COMPONENT: LazyLock<Component> = LazyLock::new(|| {
    Component::builder("example-component")
        .description("the example")
        .service(ExampleRest)
        .build()
        .unwrap()
});
