//! The same by REST.

// The names say it, and descriptions would be part of what is published.
#![allow(missing_docs)]

use soa::{ActionError, ActionErrors, service};

use super::arguments::{
    BoolResult, IntResult, IntsResult, ItemResult, MaybeInt, MaybeIntResult, PointsResult,
    TextResult,
};
use super::types::{Found, Item, Point};

/// The service that is called by REST.
#[derive(Debug)]
pub struct ExampleRest;

/// The errors of the service.
#[derive(Debug, PartialEq, Eq, ActionErrors)]
pub enum RestError {
    /// There is nothing by this name.
    #[action_error(message = "no such thing", status = 404)]
    NoSuchThing,
    /// The token of the request is too old.
    #[action_error(
        message = "the token has expired",
        status = 401,
        headers("WWW-Authenticate" = "Bearer error=\"invalid_token\", error_description=\"the token has expired\"")
    )]
    TokenExpired,
}

#[soa::body]
pub struct Hello {
    /// whom to greet
    pub name: String,
    /// how often
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

#[soa::body]
pub struct Sum {
    /// the first number
    pub a: i64,
    pub b: i64,
}

#[soa::body]
pub struct Search {
    /// what to look for
    pub text: String,
    #[serde(default = "ten")]
    pub limit: i64,
    #[serde(default)]
    pub exact: bool,
}

fn ten() -> i64 {
    10
}

#[soa::body]
pub struct Many {
    pub values: Vec<i64>,
}

#[soa::body]
pub struct NewItem {
    /// the item to create
    pub item: Item,
}

#[soa::body]
pub struct Update {
    pub id: i64,
    pub item: Item,
    #[serde(default)]
    pub dry_run: bool,
}

#[soa::body]
pub struct Points {
    pub points: Vec<Point>,
    #[serde(default)]
    pub dx: i64,
}

#[soa::body]
pub struct Id {
    pub id: i64,
}

#[soa::body]
pub struct Replacement {
    pub id: i64,
    pub item: Item,
}

#[soa::body]
pub struct NewName {
    pub id: i64,
    pub name: String,
}

#[soa::body]
pub struct Name {
    pub name: String,
}

/// the same by plain HTTP
#[service(
    name = "example-rest",
    version = "1.0.0",
    rest = "/example",
    package = "example_api",
    component = "example-component"
)]
impl ExampleRest {
    /// Says hello.
    #[action(get = "/hello/{name}", summary = "Greet somebody", tags("greetings"))]
    async fn hello(&self, request: Hello) -> Result<TextResult, ActionError> {
        let greeting = format!("hello {}", request.name);
        let greetings = vec![greeting; request.times as usize];
        Ok(TextResult {
            result: greetings.join(", "),
        })
    }

    /// Adds two numbers.
    #[action(get = "/sum/{a}/{b}")]
    async fn sum(&self, request: Sum) -> Result<IntResult, ActionError> {
        let sum = request.a.checked_add(request.b);
        let result =
            sum.ok_or_else(|| ActionError::caller("TOO_LARGE", "The sum does not fit 64 bits"))?;
        Ok(IntResult { result })
    }

    #[action(get = "/search", result = whole)]
    async fn search(&self, request: Search) -> Result<Found, ActionError> {
        let Search { text, limit, exact } = request;
        Ok(Found { text, limit, exact })
    }

    #[action(get = "/optional")]
    async fn optional(&self, request: MaybeInt) -> Result<MaybeIntResult, ActionError> {
        Ok(MaybeIntResult {
            result: request.value,
        })
    }

    #[action(get = "/many")]
    async fn many(&self, request: Many) -> Result<IntsResult, ActionError> {
        Ok(IntsResult {
            result: request.values,
        })
    }

    #[action(post = "/items", body = item)]
    async fn add_item(&self, request: NewItem) -> Result<ItemResult, ActionError> {
        Ok(ItemResult {
            result: request.item,
        })
    }

    #[action(post = "/items/{id}")]
    async fn update(&self, request: Update) -> Result<ItemResult, ActionError> {
        let mut item = Item {
            id: request.id,
            ..request.item
        };
        if request.dry_run {
            item.note = Some("dry".to_owned());
        }
        Ok(ItemResult { result: item })
    }

    #[action(post = "/points", body = points)]
    async fn points(&self, request: Points) -> Result<PointsResult, ActionError> {
        let moved = request.points.into_iter().map(|point| {
            Some(Point {
                x: point.x.checked_add(request.dx)?,
                ..point
            })
        });
        let result: Option<Vec<Point>> = moved.collect();
        let result = result
            .ok_or_else(|| ActionError::caller("TOO_LARGE", "A coordinate does not fit 64 bits"))?;
        Ok(PointsResult { result })
    }

    #[action(post = "/touch/{id}")]
    async fn touch(&self, request: Id) -> Result<IntResult, ActionError> {
        Ok(IntResult { result: request.id })
    }

    #[action(put = "/items/{id}", body = item)]
    async fn replace(&self, request: Replacement) -> Result<ItemResult, ActionError> {
        Ok(ItemResult {
            result: Item {
                id: request.id,
                ..request.item
            },
        })
    }

    #[action(put = "/items/{id}/name")]
    async fn set_name(&self, request: NewName) -> Result<ItemResult, ActionError> {
        Ok(ItemResult {
            result: Item::named(request.id, request.name),
        })
    }

    #[action(delete = "/items/{id}")]
    async fn remove(&self, request: Id) -> Result<BoolResult, ActionError> {
        Ok(BoolResult {
            result: request.id < 100,
        })
    }

    #[action(patch = "/items/{id}")]
    async fn rename(&self, request: NewName) -> Result<ItemResult, ActionError> {
        Ok(ItemResult {
            result: Item::named(request.id, request.name),
        })
    }

    #[action(get = "/missing")]
    async fn missing(&self) -> Result<TextResult, RestError> {
        Err(RestError::NoSuchThing)
    }

    #[action(get = "/expired")]
    async fn expired(&self) -> Result<TextResult, RestError> {
        Err(RestError::TokenExpired)
    }

    #[action(get = "/boom")]
    async fn boom(&self) -> Result<TextResult, ActionError> {
        Err(ActionError::internal("boom"))
    }

    #[action(get = "/nothing")]
    async fn nothing(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(get = "/later/{name}")]
    async fn later(&self, request: Name) -> Result<TextResult, ActionError> {
        tokio::task::yield_now().await;
        Ok(TextResult {
            result: format!("later {}", request.name),
        })
    }
}
