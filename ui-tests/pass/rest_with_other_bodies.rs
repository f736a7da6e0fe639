//! Names in routes whose bodies do not tell their fields to the compiler, and those that attributes change.
#![deny(warnings)]

use std::collections::BTreeMap;

use soa::{ActionError, Value, service};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, garde::Validate)]
struct ByHand {
    #[garde(skip)]
    id: i64,
}

#[soa::body]
struct Inner {
    id: i64,
}

#[soa::body]
struct Flattened {
    #[serde(flatten)]
    inner: Inner,
}

#[soa::body]
#[serde(rename_all = "camelCase")]
struct Renamed {
    item_number: i64,
    #[serde(rename = "in")]
    #[cfg(all())]
    inner: Inner,
    #[cfg(any())]
    removed: Missing,
    #[serde(skip)]
    skipped: i64,
}

#[soa::body]
#[serde(transparent)]
struct Wrapped {
    inner: Inner,
}

#[soa::body]
struct Page<T> {
    items: Vec<T>,
    fields: usize,
}

#[soa::body]
enum Either {
    One { id: i64 },
}

type Alias = Renamed;

struct Example;

#[service(name = "example")]
impl Example {
    #[action(get = "/hand/{id}", result = id)]
    async fn by_hand(&self, request: ByHand) -> Result<ByHand, ActionError> {
        Ok(request)
    }

    #[action(get = "/flattened/{id}", headers("X-Id" = "{id}"))]
    async fn flattened(&self, request: Flattened) -> Result<Flattened, ActionError> {
        Ok(request)
    }

    #[action(post = "/renamed/{itemNumber}", body = r#in, result = itemNumber)]
    async fn renamed(&self, request: Alias) -> Result<Box<Renamed>, ActionError> {
        let _ = request.skipped;
        Ok(Box::new(request))
    }

    #[action(get = "/wrapped/{id}", result = id)]
    async fn wrapped(&self, request: Wrapped) -> Result<Wrapped, ActionError> {
        Ok(request)
    }

    #[action(post = "/pages/{fields}", body = items)]
    async fn pages(&self, request: Page<Inner>) -> Result<Page<Inner>, ActionError> {
        Ok(request)
    }

    #[action(post = "/map/{id}", body = whole)]
    async fn map(&self, request: BTreeMap<String, Value>) -> Result<Value, ActionError> {
        let _ = request;
        Ok(Value::Nil)
    }

    #[action(get = "/either/{id}")]
    async fn either(&self, request: Either) -> Result<(), ActionError> {
        let Either::One { id } = request;
        let _ = id;
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::RENAMED;
}
