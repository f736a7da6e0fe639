//! `introspect` tells everything that schemars and garde know of a type: one big type, as a snapshot.

#![expect(dead_code, reason = "most fields are only described")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::ops::Range;
use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{
    ActionError, Amount, Blob, Client, Date, DateTime, Decimal, LocalTransport, Map, Nullable,
    Server, Time, UtcDateTime, Value, service, value,
};

/// Its own description is not for callers.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Values {
    #[garde(skip)]
    boolean: bool,
    #[garde(range(min = -5, max = 5))]
    limited: i64,
    #[garde(skip)]
    byte: u8,
    #[garde(skip)]
    signed: i32,
    #[garde(skip)]
    unsigned: u32,
    #[garde(skip)]
    large: u64,
    #[garde(skip)]
    largest: i128,
    #[garde(skip)]
    not_zero: NonZeroU16,
    #[garde(range(min = 0.5))]
    float: f64,
    #[garde(skip)]
    #[schemars(extend("exclusiveMinimum" = 0), extend("multipleOf" = 0.25))]
    quarters: f32,
    #[garde(length(chars, min = 1, max = 40))]
    text: String,
    #[garde(skip)]
    letter: char,
    #[garde(skip)]
    #[schemars(email)]
    email: String,
    #[garde(skip)]
    #[schemars(url)]
    url: String,
    #[garde(skip)]
    #[schemars(regex(pattern = "^[a-z]+$"))]
    pattern: String,
    #[garde(contains("@"))]
    containing: String,
    #[garde(ip)]
    address_as_text: String,
    #[garde(skip)]
    address: IpAddr,
    #[garde(skip)]
    address_4: Ipv4Addr,
    #[garde(skip)]
    address_6: Ipv6Addr,
    #[garde(length(max = 16))]
    bytes: Blob,
    #[garde(skip)]
    date_time: DateTime,
    #[garde(skip)]
    utc: UtcDateTime,
    #[garde(skip)]
    date: Date,
    #[garde(skip)]
    time: Time,
    #[garde(skip)]
    decimal: Decimal,
    #[garde(skip)]
    amount: Amount,
    #[garde(skip)]
    anything: Value,
    #[garde(skip)]
    nothing: (),
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Structures {
    /// A list of names.
    #[garde(length(min = 1, max = 3), inner(length(chars, min = 2)))]
    list: Vec<String>,
    fixed: [u8; 3],
    set: BTreeSet<i64>,
    pair: (u8, Option<bool>),
    one: (String,),
    by_text: BTreeMap<String, Point>,
    #[garde(length(min = 1))]
    not_empty: BTreeMap<String, u8>,
    by_integer: BTreeMap<i32, u8>,
    by_natural: BTreeMap<u64, u8>,
    by_name: BTreeMap<Level, u8>,
    #[garde(length(max = 9))]
    map: Map,
    /// May be left out.
    option: Option<i64>,
    /// May be nil.
    nullable: Nullable<Point>,
    #[garde(length(min = 2))]
    nullable_text: Nullable<String>,
    either: Option<Nullable<bool>>,
    options: Vec<Option<u8>>,
    boxed: Option<Box<Point>>,
    wrapped: Percent,
    duration: Duration,
    range: Range<u8>,
    result: Result<u8, String>,
    tree: Tree,
    itself: Option<Box<Structures>>,
}

/// A point.
#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Point {
    /// To the right.
    #[garde(skip)]
    x: f64,
    /// Up.
    #[garde(skip)]
    y: f64,
}

/// Of a hundred.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(transparent)]
struct Percent(#[garde(range(max = 100))] u8);

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct Tree {
    #[garde(skip)]
    children: Vec<Tree>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[serde(rename_all = "camelCase")]
struct Remarks {
    #[serde(default)]
    zero_by_default: u16,
    #[serde(default = "seven")]
    seven_by_default: i32,
    #[serde(default)]
    nothing_by_default: Option<u8>,
    /// Where it all begins.
    #[serde(default)]
    origin: Point,
    #[serde(default = "medium")]
    level: Level,
    #[deprecated]
    old: String,
    #[serde(rename = "other-name", alias = "another")]
    renamed: bool,
    #[schemars(title = "How many", example = 5)]
    count: u64,
    #[serde(skip)]
    hidden: u8,
}

fn seven() -> i32 {
    7
}

fn medium() -> Level {
    Level::Medium
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Low,
    /// As usual.
    Medium,
    /// As high as it gets.
    VeryHigh,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
struct Enums {
    named: Named,
    external: External,
    internal: Internal,
    adjacent: Adjacent,
    untagged: Untagged,
    maybe: Option<Internal>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Named {
    One,
    Two,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum External {
    Unit,
    /// Wraps one.
    Newtype(u8),
    Tuple(u8, bool),
    Struct {
        /// A field.
        a: u8,
    },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Internal {
    Unit,
    /// With the fields of a point.
    Newtype(Point),
    Struct {
        a: u8,
    },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Unit,
    Newtype(u8),
    Struct { a: u8 },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Point(Point),
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Flattened {
    own: u8,
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    internal: Internal2,
    #[serde(flatten)]
    external: External2,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Internal2 {
    Cash,
    Card { number: String },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum External2 {
    Left(u8),
    Right { degrees: f64 },
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Rest {
    own: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

struct Everything;

/// Knows every kind of body.
///
/// In two paragraphs.
#[service(name = "everything")]
impl Everything {
    /// All plain values.
    #[action]
    async fn values(&self, request: Values) -> Result<Rest, ActionError> {
        let rest = BTreeMap::new();
        let own = request.byte;
        Ok(Rest { own, rest })
    }

    #[action]
    async fn structures(&self, request: Structures) -> Result<Remarks, ActionError> {
        drop(request);
        Err(ActionError::server("NONE", "There are none"))
    }

    #[action]
    async fn enums(&self, request: Enums) -> Result<Flattened, ActionError> {
        drop(request);
        Err(ActionError::server("NONE", "There are none"))
    }

    #[action]
    async fn flattened(&self, request: Flattened) -> Result<Flattened, ActionError> {
        Ok(request)
    }
}

fn client() -> Client {
    let server = Server::builder(Everything).build().unwrap();
    Client::builder()
        .service("everything", LocalTransport::new(server))
        .build()
        .unwrap()
}

async fn schema(action: &str, side: &str) -> String {
    let body = value!({ "action_name": (action) });
    let told = client().call_action("everything", "introspect", &body);
    let told = told.await.unwrap();
    let action = told.get("actions").unwrap().get(action).unwrap();
    let schema = action.get(side).unwrap();
    serde_json::to_string_pretty(schema).unwrap()
}

#[tokio::test]
async fn plain_values() {
    insta::assert_snapshot!(schema("values", "request_schema").await);
}

#[tokio::test]
async fn structures() {
    insta::assert_snapshot!(schema("structures", "request_schema").await);
}

#[tokio::test]
async fn defaults_names_and_remarks() {
    insta::assert_snapshot!(schema("structures", "response_schema").await);
}

#[tokio::test]
async fn enums_of_every_representation() {
    insta::assert_snapshot!(schema("enums", "request_schema").await);
}

#[tokio::test]
async fn flattened_fields_stand_in_every_alternative() {
    insta::assert_snapshot!(schema("enums", "response_schema").await);
}

#[tokio::test]
async fn a_flattened_map_allows_further_keys() {
    insta::assert_snapshot!(schema("values", "response_schema").await);
}

#[tokio::test]
async fn paragraphs_are_kept() {
    let told = client().call_action("everything", "introspect", &()).await;
    let documentation = told.unwrap().get("documentation").cloned();
    let expected = "Knows every kind of body.\n\nIn two paragraphs.";
    assert_eq!(documentation, Some(expected.into()));
}

#[tokio::test]
async fn what_is_told_of_flattened_fields_is_what_is_accepted_and_refused() {
    let client = client();
    let call = async |body: Value| client.call_action("everything", "flattened", &body).await;
    let body = value!({
        "own": 1, "x": 0.5, "y": 2.0, "kind": "card", "number": "4711", "right": { "degrees": 90.0 }
    });
    assert_eq!(call(body.clone()).await.unwrap(), body);
    let error = call(value!({ "own": "one", "x": 0.5, "y": 2.0, "kind": "card", "left": 300 }));
    let error = error.await.unwrap_err();
    let told: Vec<_> = (error.errors().iter())
        .map(|error| (error.field.as_deref().unwrap_or_default(), &*error.message))
        .collect();
    assert!(told.contains(&("own", "Not an integer")), "{told:?}");
    assert!(
        told.contains(&("number", "Missing key: number")),
        "{told:?}"
    );
    assert!(told.contains(&("left", "Value not <= 255")), "{told:?}");
    assert!(
        !told.iter().any(|(_, text)| text.starts_with("Extra keys")),
        "{told:?}"
    );
}
