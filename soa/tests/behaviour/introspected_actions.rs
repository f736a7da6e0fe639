//! `introspect` tells what an action declares, and the names and shapes of its types.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::middleware::Identity;
use soa::testing::Introspection;
use soa::{
    ActionError, ActionErrors, Client, LocalTransport, Map, Server, Service as _, Switch, Value,
    service, value,
};

const SHORT: Switch = Switch::new(5);

#[derive(Debug, ActionErrors)]
enum LoanError {
    /// There is no such book.
    #[action_error(field = "isbn")]
    NoSuchBook,
    #[action_error(message = "Lent to {reader}", field = "books.{index}")]
    Lent {
        reader: String,
        index: u8,
        until: Option<Untold>,
    },
    /// The catalogue does not answer.
    #[action_error(server, code = "catalogue.down")]
    CatalogueDown,
}

/// A type without a schema.
#[derive(Debug, Serialize, Deserialize)]
struct Untold;

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Shelf {
    books: Vec<Book>,
    best: Option<Book>,
    inside: Vec<Shelf>,
    index: Index,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct Book {
    #[garde(length(chars, min = 1))]
    title: String,
}

/// A type that contains itself by way of another one.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Index {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Entry {
    book: Book,
    below: Option<Box<Index>>,
}

struct Library;

#[service(name = "library", version = "1.0.0", calls("stock", "user-accounts"))]
impl Library {
    /// Lends a book.
    #[action(requires = "books.lend", timeout = "2500ms")]
    async fn lend(&self, _request: Value) -> Result<(), LoanError> {
        Err(LoanError::CatalogueDown)
    }

    #[action(idempotent, cache = "10s")]
    #[deprecated]
    async fn shelf(&self, request: Shelf) -> Result<Book, ActionError> {
        let title = request.books.into_iter().map(|book| book.title).collect();
        Ok(Book { title })
    }

    #[action(name = "list")]
    async fn list(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    #[action(name = "list", switch = SHORT)]
    async fn list_short(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }
}

fn client() -> Client {
    let server = Server::builder(Library)
        .job_middleware(Identity::new("tests"))
        .action("echo", |body: Value, _: soa::Context| async {
            Ok::<_, ActionError>(body)
        })
        .require("lend", ["books.write"])
        .require("echo", ["books.write"])
        .build()
        .unwrap();
    let transport = LocalTransport::new(server);
    Client::builder()
        .service("library", transport)
        .build()
        .unwrap()
}

/// The answer of `introspect` about the declarations of an action.
async fn told(action: &str) -> Option<Value> {
    let body = value!({ "action_name": (action) });
    let told = client().call_action("library", "introspect", &body).await;
    let told = told.unwrap();
    let told = told.get("actions").unwrap().get(action).unwrap();
    assert_eq!(told.as_map().unwrap().len(), 3, "the keys of the reference");
    told.get("request_schema").unwrap().get("action").cloned()
}

#[tokio::test]
async fn errors_permissions_and_limits_are_told() {
    let expected = value!({
        "requires": ["books.lend", "books.write"],
        "timeout": 2.5,
        "errors": [
            {
                "code": "NO_SUCH_BOOK",
                "message": "There is no such book",
                "field": "isbn",
                "is_caller_error": true,
            },
            {
                "code": "LENT",
                "message": "Lent to {reader}",
                "field": "books.{index}",
                "is_caller_error": true,
                "variables": {
                    "index": { "type": "integer", "gte": 0, "lte": 255 },
                    "reader": { "type": "unicode" },
                    "until": nil,
                },
            },
            {
                "code": "catalogue.down",
                "message": "The catalogue does not answer",
                "is_caller_error": false,
            },
        ],
    });
    assert_eq!(told("lend").await, Some(expected));
}

#[tokio::test]
async fn deprecation_idempotency_and_cache_time_are_told() {
    let expected = value!({ "deprecated": true, "idempotent": true, "cache": 10.0 });
    assert_eq!(told("shelf").await, Some(expected));
}

#[tokio::test]
async fn an_action_that_declares_nothing_tells_what_the_reference_would() {
    assert_eq!(told("status").await, None);
    assert_eq!(told("list[switch:5]").await, None);
    let expected = value!({ "requires": ["books.write"] });
    assert_eq!(told("echo").await, Some(expected));
}

#[test]
fn the_descriptor_has_it_too() {
    let [lend, shelf, ..] = Library::DESCRIPTOR.actions() else {
        panic!()
    };
    let codes: Vec<_> = lend
        .declared_errors()
        .iter()
        .map(|error| error.code())
        .collect();
    assert_eq!(codes, ["NO_SUCH_BOOK", "LENT", "catalogue.down"]);
    assert_eq!(
        lend.time_limit(),
        Some(std::time::Duration::from_millis(2500))
    );
    assert!(shelf.declared_errors().is_empty() && shelf.time_limit().is_none());
}

#[tokio::test]
async fn the_services_that_a_service_calls_are_told_once() {
    assert_eq!(
        <Library as soa::Service>::DESCRIPTOR.calls(),
        ["stock", "user-accounts"]
    );
    let told = client().call_action("library", "introspect", &()).await;
    let told = told.unwrap();
    let actions = told.get("actions").and_then(Value::as_map).unwrap();
    let telling: Vec<(&Value, &Value)> = actions
        .iter()
        .filter_map(|(name, action)| Some((name, action.get("request_schema")?.get("service")?)))
        .collect();
    let expected = value!({ "calls": ["stock", "user-accounts"] });
    assert_eq!(telling, [(&"introspect".into(), &expected)]);
}

#[test]
fn types_have_names_and_those_in_themselves_a_shape() {
    let schema = soa::schema::Schema::of::<Shelf>().introspect().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap());
}

/// Takes all keys out of schemas that the reference does not have.
fn without_names(value: &mut Value) {
    match value {
        Value::Map(map) => {
            if map.contains_key("type") {
                for key in ["name", "definitions", "reference", "action", "service"] {
                    map.remove(key);
                }
            }
            let pairs = std::mem::take(map).into_pairs();
            *map = pairs
                .into_iter()
                .map(|(key, mut value)| {
                    without_names(&mut value);
                    (key, value)
                })
                .collect::<Map>();
        }
        Value::List(items) => items.iter_mut().for_each(without_names),
        _ => {}
    }
}

/// The answer of `introspect` as the reference would give it.
fn as_the_reference(told: &Value) -> Value {
    let actions = told.get("actions").and_then(Value::as_map).unwrap();
    let actions: Map = actions
        .iter()
        .map(|(name, action)| {
            let mut kept = Map::new();
            for key in ["documentation", "request_schema", "response_schema"] {
                let mut value = action.get(key).unwrap().clone();
                without_names(&mut value);
                kept.insert(key, value);
            }
            (name.clone(), Value::Map(kept))
        })
        .collect();
    value!({ "documentation": nil, "action_names": [], "actions": (Value::Map(actions)) })
}

#[tokio::test]
async fn services_that_tell_less_or_more_are_read_alike() {
    let told = client()
        .call_action("library", "introspect", &())
        .await
        .unwrap();
    let less = as_the_reference(&told);
    let mut more = told.clone();
    if let Value::Map(more) = &mut more {
        more.insert("doors", value!([{ "http": 8080 }]));
        let Some(Value::Map(actions)) = more.get_mut("actions") else {
            panic!()
        };
        actions.insert(
            "later",
            value!({ "request_schema": { "type": "later" }, "streams": true }),
        );
    }
    let told = Introspection::from_value(told).unwrap();
    let less = Introspection::from_value(less).unwrap();
    let more = Introspection::from_value(more).unwrap();
    for (old, new) in [(&told, &less), (&less, &told), (&told, &more)] {
        let report = soa::testing::check_compatible(old, new);
        assert!(report.is_compatible(), "{report}");
    }
    assert_eq!(
        Introspection::from_json(&told.to_json().unwrap()).unwrap(),
        told
    );
}

/// A field that is read under one name and written under another.
#[soa::body]
struct Named {
    #[serde(rename(serialize = "out", deserialize = "in"))]
    value: i64,
}

struct Names;

#[service(name = "names", version = "1.0.0")]
impl Names {
    #[action]
    async fn rename(&self, request: Named) -> Result<Named, ActionError> {
        Ok(request)
    }
}

#[tokio::test]
async fn the_fields_of_a_response_have_the_names_under_which_they_are_written() {
    let server = Server::builder(Names).build().unwrap();
    let client = Client::builder().service("names", LocalTransport::new(server));
    let client = client.build().unwrap();
    let told = client
        .call_action("names", "introspect", &())
        .await
        .unwrap();
    let action = told
        .get("actions")
        .and_then(|actions| actions.get("rename"));
    let names = |side: &str| {
        let schema = action.and_then(|action| action.get(side)).unwrap();
        let contents = schema.get("contents").and_then(Value::as_map).unwrap();
        let names = contents.iter().filter_map(|(name, _)| name.as_str());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("request_schema"), ["in"]);
    assert_eq!(names("response_schema"), ["out"]);
}

struct Shelves;

#[service(name = "shelves", version = "1.0.0", rest = "/shelves")]
impl Shelves {
    #[action(get = "/best", get = "/first", result = whole)]
    async fn best(&self) -> Result<Book, ActionError> {
        Err(ActionError::caller("NONE", "There is none"))
    }

    #[action(result = best)]
    async fn all(&self) -> Result<Shelf, ActionError> {
        Err(ActionError::caller("NONE", "There is none"))
    }
}

#[tokio::test]
async fn routes_and_a_result_that_was_chosen_are_told() {
    let server = Server::builder(Shelves).build().unwrap();
    let client = Client::builder().service("shelves", LocalTransport::new(server));
    let client = client.build().unwrap();
    let told: Value = client
        .call_action("shelves", "introspect", &value!({}))
        .await
        .unwrap();
    let of = |action: &str| {
        let schema = told.get("actions")?.get(action)?.get("request_schema")?;
        schema.get("action").cloned()
    };
    let expected = value!({ "routes": ["GET /best", "GET /first"], "result_is_whole": true });
    assert_eq!(of("best"), Some(expected));
    assert_eq!(of("all"), Some(value!({ "result": "best" })));
}
