//! A service with every type that a body can have.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use soa::__private::{BodyForm, HttpDeclared, Method, ResultForm, Route};
use soa::{
    Action, ActionError, Amount, Blob, Component, Date, DateTime, Decimal, Declared, Map, Nullable,
    Service, ServiceDescriptor, Time, UtcDateTime, Value, rules,
};

use crate::support::actions;

/// Numbers of all widths.
#[soa::body]
pub(crate) struct Numbers {
    tiny: u8,
    small: i16,
    middle: i32,
    large: i64,
    natural: u64,
    huge: i128,
    /// Between one and nine.
    #[garde(range(min = 1, max = 9))]
    limited: i64,
    #[garde(range(min = 1))]
    #[schemars(extend("exclusiveMinimum" = 0))]
    positive: i64,
    #[garde(range(min = 0.5, max = 1.5))]
    share: f64,
    half: f32,
    truth: bool,
}

#[soa::body]
pub(crate) struct Texts {
    #[garde(length(chars, min = 2, max = 5))]
    name: String,
    #[schemars(extend("format" = "email"))]
    address: String,
    #[garde(custom(is_word))]
    #[schemars(extend("pattern" = "^[a-z]+$"))]
    word: String,
    letter: char,
    #[garde(length(min = 2, max = 4))]
    bytes: Blob,
    #[garde(length(max = 3))]
    list: Vec<String>,
}

fn is_word(text: &str, (): &()) -> garde::Result {
    match text.bytes().all(|letter| letter.is_ascii_lowercase()) {
        true => Ok(()),
        false => Err(garde::Error::new("not a word")),
    }
}

/// The types of the wire.
#[soa::body]
pub(crate) struct Wire {
    local: DateTime,
    utc: UtcDateTime,
    date: Date,
    time: Time,
    #[garde(custom(rules::at_least("0")), custom(rules::less_than("100")))]
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 100))]
    price: Decimal,
    total: Amount,
    bytes: Blob,
    anything: Value,
    map: Map,
}

#[soa::body]
pub(crate) struct Absent {
    option: Option<String>,
    nullable: Nullable<i64>,
    both: Option<Nullable<Leaf>>,
    leaf: Option<Leaf>,
    date: Option<Date>,
    list: Vec<Option<i64>>,
    map: BTreeMap<String, Option<Leaf>>,
    #[serde(default)]
    defaulted: Vec<i64>,
    #[serde(default = "seven")]
    seven: i64,
}

fn seven() -> i64 {
    7
}

#[soa::body]
#[derive(Clone, Default)]
pub(crate) struct Leaf {
    n: i64,
}

#[soa::body]
pub(crate) struct Collections {
    pair: (i64, String),
    three: [u8; 3],
    by_number: BTreeMap<i64, Leaf>,
    by_natural: BTreeMap<u32, String>,
    by_text: BTreeMap<String, Vec<Leaf>>,
    by_date: BTreeMap<Date, i64>,
    nested: Vec<Vec<(i64, Option<Leaf>)>>,
    unit: (),
}

/// A variant without fields each.
#[soa::body]
#[serde(rename_all = "lowercase")]
pub(crate) enum Color {
    /// Warm.
    Red,
    /// Neither.
    Green,
    #[serde(alias = "azure")]
    Blue,
}

#[soa::body]
pub(crate) enum External {
    Unit,
    Newtype(i64),
    Tuple(i64, String),
    Fields { n: i64, leaf: Leaf },
}

#[soa::body]
#[serde(tag = "kind")]
pub(crate) enum Internal {
    Unit,
    Leaf(Leaf),
    Fields { text: Option<String> },
}

#[soa::body]
#[serde(tag = "kind", content = "content", rename_all = "snake_case")]
pub(crate) enum Adjacent {
    Unit,
    Newtype(Date),
    Fields { n: i64 },
}

#[soa::body]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(i64),
    Text(String),
    Leaf(Leaf),
    List(Vec<Leaf>),
}

#[soa::body]
pub(crate) struct Enums {
    color: Color,
    externals: Vec<External>,
    internals: Vec<Internal>,
    adjacents: Vec<Adjacent>,
    untagged: Vec<Untagged>,
}

#[soa::body]
pub(crate) struct Flat {
    own: i64,
    #[serde(flatten)]
    leaf: Leaf,
    #[serde(flatten)]
    shape: Shape,
    #[serde(flatten)]
    more: Option<More>,
}

#[soa::body]
#[serde(tag = "shape")]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

#[soa::body]
pub(crate) struct More {
    word: String,
}

#[soa::body]
pub(crate) struct FlatMap {
    own: i64,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

/// A type within itself.
#[soa::body]
pub(crate) struct Tree {
    name: String,
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
    by_name: BTreeMap<String, Forest>,
}

#[soa::body]
pub(crate) struct Forest {
    trees: Vec<Tree>,
}

/// Types of the same name.
mod other {
    #[soa::body]
    pub(crate) struct Leaf {
        color: String,
    }
}

#[soa::body]
pub(crate) struct Page<T> {
    entries: Vec<T>,
    next: Option<String>,
}

#[soa::body]
pub(crate) struct Named {
    leaf: Leaf,
    other: other::Leaf,
    page: Page<Leaf>,
    other_page: Page<other::Leaf>,
    newtype: Meters,
    #[serde(rename = "type")]
    kind: String,
    /// Use `kind`.
    #[schemars(extend("deprecated" = true, "examples" = ["a", "b"]))]
    old: Option<String>,
}

#[soa::body]
pub(crate) struct Meters(#[garde(range(min = 0.0))] f64);

/// An action that answers what it was sent, by a route and by name.
macro_rules! echo {
    ($($constant:ident $name:literal $type:ty),* $(,)?) => {
        $(
            const $constant: Action<$type, $type> = Action::new($name).declared(
                &Declared::new().http(
                    HttpDeclared::new()
                        .routes(&[Route::new(Method::Post, concat!("/", $name))])
                        .body(BodyForm::Whole)
                        .result(ResultForm::Whole),
                ),
            );
        )*

        /// The service.
        pub(crate) struct Types;

        impl Service for Types {
            const DESCRIPTOR: &'static ServiceDescriptor =
                &ServiceDescriptor::new("types", "1.0.0", "", &[$($constant.describe("")),*]);

            actions! {
                $($constant => |request: $type| Ok::<_, ActionError>(request)),*
            }
        }
    };
}

echo!(
    NUMBERS "numbers" Numbers,
    TEXTS "texts" Texts,
    WIRE "wire" Wire,
    ABSENT "absent" Absent,
    COLLECTIONS "collections" Collections,
    ENUMS "enums" Enums,
    EXTERNAL "external" External,
    INTERNAL "internal" Internal,
    ADJACENT "adjacent" Adjacent,
    UNTAGGED "untagged" Untagged,
    FLAT "flat" Flat,
    FLAT_MAP "flat_map" FlatMap,
    TREE "tree" Tree,
    NAMED "named" Named,
    MAP "map" Map,
    VALUE "value" Value,
    PAGE "page" Page<Tree>,
    UNIT "unit" (),
);

/// The service as a component.
pub(crate) static COMPONENT: LazyLock<Component> =
    LazyLock::new(|| Component::builder("types").service(Types).build().unwrap());
