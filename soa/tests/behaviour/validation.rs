//! Which bodies an action accepts, where serde by itself would accept more.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{
    ActionError, Blob, Client, Date, LocalTransport, Nullable, Server, Value, service, value,
};

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Flat {
    own: Option<i64>,
    nullable: Nullable<i64>,
    #[serde(flatten)]
    #[garde(dive)]
    page: Page,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Page {
    #[garde(range(min = 1, max = 100))]
    size: u8,
    after: Option<String>,
    day: Option<Date>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Untagged {
    content: Content,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Content {
    Text(String),
    Place(Place),
    Blob(Blob),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Place {
    x: i64,
    y: i64,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Recursive {
    name: String,
    below: Option<Vec<Recursive>>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Tagged {
    shape: Shape,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

/// An alternative of itself.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Endless {
    Number(i64),
    Again(Box<Endless>),
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct EndlessRequest {
    value: Endless,
    name: String,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    #[garde(custom(never))]
    first_name: String,
    #[garde(dive)]
    order_lines: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Line {
    #[garde(custom(never))]
    unit_price: i64,
}

fn never<T>(_: &T, _: &()) -> garde::Result {
    Err(garde::Error::new("never right"))
}

struct Checks;

#[service(name = "checks", version = "1.0.0")]
impl Checks {
    #[action]
    async fn flat(&self, request: Flat) -> Result<Flat, ActionError> {
        Ok(request)
    }

    #[action]
    async fn untagged(&self, request: Untagged) -> Result<Untagged, ActionError> {
        Ok(request)
    }

    #[action]
    async fn recursive(&self, request: Recursive) -> Result<Recursive, ActionError> {
        Ok(request)
    }

    #[action]
    async fn renamed(&self, request: Renamed) -> Result<Renamed, ActionError> {
        Ok(request)
    }

    #[action]
    async fn endless(&self, request: EndlessRequest) -> Result<EndlessRequest, ActionError> {
        Ok(request)
    }

    #[action]
    async fn tagged(&self, request: Tagged) -> Result<Tagged, ActionError> {
        Ok(request)
    }
}

/// What the action answers, as a body or as its errors.
async fn ask(action: &'static str, body: Value) -> Result<Value, Vec<String>> {
    let server = Server::builder(Checks).build().unwrap();
    let client = Client::builder()
        .service("checks", LocalTransport::new(server))
        .build()
        .unwrap();
    let answer = client.call_action("checks", action, &body).await;
    answer.map_err(|error| error.errors().iter().map(ToString::to_string).collect())
}

async fn accepts(action: &'static str, body: Value) {
    assert_eq!(ask(action, body.clone()).await.as_ref(), Ok(&body));
}

async fn refuses(action: &'static str, body: Value, errors: &[&str]) {
    assert_eq!(
        ask(action, body.clone()).await.unwrap_err(),
        errors,
        "{body:?}"
    );
}

#[tokio::test]
async fn flattened_structs_have_the_same_rules() {
    let day = Value::from(Date::new(2026, 11, 21).unwrap());
    accepts("flat", value!({ "nullable": nil, "size": 5 })).await;
    accepts(
        "flat",
        value!({ "nullable": 3, "size": 5, "after": "x", "day": (day), "more": [nil] }),
    )
    .await;
    refuses(
        "flat",
        value!({ "size": 0 }),
        &[
            "MISSING at `nullable`: Missing key: nullable",
            "INVALID at `size`: Value not >= 1",
        ],
    )
    .await;
    refuses(
        "flat",
        value!({ "own": nil, "nullable": nil, "size": 1 }),
        &["INVALID at `own`: Not an integer"],
    )
    .await;
    // serde's buffer would take this nil for an absent field.
    refuses(
        "flat",
        value!({ "nullable": 1, "size": 1, "after": nil }),
        &["INVALID at `after`: Not a unicode string"],
    )
    .await;
}

#[tokio::test]
async fn untagged_enums_take_what_their_types_take() {
    accepts("untagged", value!({ "content": "text" })).await;
    accepts("untagged", value!({ "content": { "x": 1, "y": 2 } })).await;
    let bytes = Value::from(Blob::from(b"\xff\xfe".to_vec()));
    accepts("untagged", value!({ "content": (bytes) })).await;
    // serde's buffer would take a list for a struct.
    refuses(
        "untagged",
        value!({ "content": [1, 2] }),
        &[
            "INVALID at `content`: Not a unicode string",
            "INVALID at `content`: Not a dict",
            "INVALID at `content`: Not a byte string",
        ],
    )
    .await;
}

#[tokio::test]
async fn types_may_contain_themselves() {
    let name = |name: &str| value!({ "name": (name) });
    let body = value!({ "name": "a", "below": [(name("b")), { "name": "c", "below": [] }] });
    accepts("recursive", body).await;
    let body = value!({ "name": "a", "below": [{ "name": 1 }, { "below": [{ "below": nil }] }] });
    refuses(
        "recursive",
        body,
        &[
            "INVALID at `below.0.name`: Not a unicode string",
            "MISSING at `below.1.name`: Missing key: name",
            "MISSING at `below.1.below.0.name`: Missing key: name",
            "INVALID at `below.1.below.0.below`: Not a list",
        ],
    )
    .await;
}

#[tokio::test]
async fn tagged_enums_are_told_apart_by_their_tag() {
    accepts(
        "tagged",
        value!({ "shape": { "type": "circle", "radius": 1.5 } }),
    )
    .await;
    refuses(
        "tagged",
        value!({ "shape": { "type": "square", "radius": 1.5 } }),
        &["MISSING at `shape.side`: Missing key: side"],
    )
    .await;
    refuses(
        "tagged",
        value!({ "shape": { "type": "line" } }),
        &["UNKNOWN at `shape`: Invalid switch value 'line'"],
    )
    .await;
    refuses(
        "tagged",
        value!({ "shape": {} }),
        &["MISSING at `shape.type`: Missing key: type"],
    )
    .await;
    refuses(
        "tagged",
        value!({ "shape": 1 }),
        &["INVALID at `shape`: Not a dict"],
    )
    .await;
}

#[tokio::test]
async fn a_type_that_is_an_alternative_of_itself_is_checked_to_an_end() {
    accepts("endless", value!({ "value": 1, "name": "a" })).await;
    let body = value!({ "value": 1 });
    refuses("endless", body, &["MISSING at `name`: Missing key: name"]).await;
}

#[tokio::test]
async fn errors_of_custom_rules_name_fields_as_they_are_on_the_wire() {
    let body = value!({ "firstName": "a", "orderLines": [{ "unit-price": 1 }] });
    refuses(
        "renamed",
        body,
        &[
            "INVALID at `firstName`: never right",
            "INVALID at `orderLines.0.unit-price`: never right",
        ],
    )
    .await;
}

mod rules_of_nullable_fields {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Change {
        #[garde(range(min = 1, max = 9))]
        number: Nullable<i64>,
        #[garde(length(chars, max = 3), ascii)]
        name: Option<Nullable<String>>,
        #[garde(length(min = 1))]
        list: Nullable<Vec<u8>>,
    }

    struct Changes;

    #[service(name = "changes", version = "1.0.0")]
    impl Changes {
        #[action]
        async fn change(&self, request: Change) -> Result<Change, ActionError> {
            Ok(request)
        }
    }

    async fn told(body: Value) -> Vec<(String, String)> {
        let server = Server::builder(Changes).build().unwrap();
        let client = Client::builder()
            .service("changes", LocalTransport::new(server))
            .build()
            .unwrap();
        match client.call_action("changes", "change", &body).await {
            Ok(_) => Vec::new(),
            Err(error) => error
                .errors()
                .iter()
                .map(|error| (error.field.clone().unwrap(), error.message.to_string()))
                .collect(),
        }
    }

    #[tokio::test]
    async fn nil_keeps_every_rule() {
        assert!(
            told(value!({ "number": nil, "name": nil, "list": nil }))
                .await
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_value_has_to_keep_the_rules_of_its_type() {
        assert!(
            told(value!({ "number": 9, "name": "abc", "list": [5] }))
                .await
                .is_empty()
        );
        let told = told(value!({ "number": 10, "name": "abcd", "list": [] })).await;
        assert_eq!(
            told.iter()
                .map(|(field, _)| field.as_str())
                .collect::<Vec<_>>(),
            ["number", "name", "list"],
            "{told:?}"
        );
    }
}
