//! Declarations of services, actions, errors and health checks for HTTP.
#![deny(warnings, missing_docs)]

use soa::__private::{BodyForm, HttpDeclared, Method, ResultForm, Route};
use soa::health::Health;
use soa::{ActionError, ActionErrors, Service, Value, service, value};

/// An item.
#[soa::body]
pub struct Item {
    /// The number.
    pub id: i64,
    /// The name.
    pub name: String,
}

/// Asks for an item.
#[soa::body]
pub struct Find {
    /// The number.
    pub id: i64,
}

/// Replaces an item.
#[soa::body]
pub struct Replace {
    /// The number.
    pub id: i64,
    /// The item.
    pub r#type: Item,
}

/// The errors.
#[derive(Debug, ActionErrors)]
pub enum ItemError {
    /// There is no such item.
    #[action_error(status = 404)]
    NoSuchItem,
    /// The token has expired.
    #[action_error(
        code = "EXPIRED",
        status = 401,
        headers("WWW-Authenticate" = "Bearer error=\"invalid_token\"", "Cache-Control" = "no-store"),
    )]
    Expired,
    /// Another error.
    Plain,
}

/// Keeps items.
pub struct ItemRest;

/// Keeps items.
#[service(rest = "/shop", package = "shop.api")]
impl ItemRest {
    /// Adds an item.
    #[action(
        post = "/items",
        body = whole,
        result = id,
        status = 201,
        headers("Location" = "/shop/items/{id}"),
        summary = "Adds one",
        description = "Adds an item to the shop.",
        tags("items", "changes"),
    )]
    async fn add(&self, request: Item) -> Result<Item, ItemError> {
        Ok(request)
    }

    /// Finds an item.
    #[action(get = "/items/{id}", get = "/things/{id}", result = whole)]
    async fn find(&self, request: Find) -> Result<Item, ActionError> {
        Ok(Item {
            id: request.id,
            name: String::new(),
        })
    }

    /// Replaces an item.
    #[action(put = "/items/{id}", patch = "/items/{id}", body = r#type)]
    async fn replace(&self, request: Replace) -> Result<Item, ActionError> {
        Ok(request.r#type)
    }

    /// Removes an item.
    #[action(delete = "/items/{id}")]
    async fn remove(&self, _request: Find) -> Result<(), ActionError> {
        Ok(())
    }

    /// Removes an item in another way.
    #[action(name = "remove", switch = 7, delete = "/items/{id}", status = 204)]
    async fn remove_2(&self, _request: Find) -> Result<(), ActionError> {
        Ok(())
    }

    /// Waits. It has no route, and its documents say more.
    #[action(summary = "Waits", result = whole)]
    async fn wait(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    /// Does not wait.
    #[action]
    async fn go(&self) -> Result<Value, ActionError> {
        Ok(value!({}))
    }

    /// Looks if it is slow.
    #[health_check(fail_if_slower_than = "300ms", cached = "10s")]
    async fn speed(&self) -> Health {
        Health::ok()
    }
}

/// A contract.
#[service(rest = "/", version = "1.0.0")]
pub trait HTTPApi {
    /// Pings.
    #[action(get = "/")]
    async fn ping(&self) -> Result<(), ActionError>;
}

/// Implements it.
pub struct Implementation;

#[service]
impl HTTPApi for Implementation {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let service = ItemRest::DESCRIPTOR;
    assert_eq!(
        (service.name(), &*service.type_name()),
        ("item-rest", "ItemRest")
    );
    assert_eq!((service.rest(), &*service.package()), ("/shop", "shop.api"));
    let [add, find, replace, remove, remove_2, wait, go] = service.actions() else {
        panic!("seven actions");
    };
    const ADDED: HttpDeclared = HttpDeclared::new()
        .routes(&[Route::new(Method::Post, "/items")])
        .body(BodyForm::Whole)
        .result(ResultForm::Field("id"))
        .status(201)
        .headers(&[("Location", "/shop/items/{id}")])
        .summary("Adds one")
        .description("Adds an item to the shop.")
        .tags(&["items", "changes"]);
    assert_eq!(add.declared().for_http(), &ADDED);
    const FOUND: HttpDeclared = HttpDeclared::new()
        .routes(&[
            Route::new(Method::Get, "/items/{id}"),
            Route::new(Method::Get, "/things/{id}"),
        ])
        .result(ResultForm::Whole);
    assert_eq!(find.declared().for_http(), &FOUND);
    const REPLACED: HttpDeclared = HttpDeclared::new()
        .routes(&[
            Route::new(Method::Put, "/items/{id}"),
            Route::new(Method::Patch, "/items/{id}"),
        ])
        .body(BodyForm::Field("type"));
    assert_eq!(replace.declared().for_http(), &REPLACED);
    assert_eq!(
        (
            remove.declared().for_http().success_status(),
            remove_2.declared().for_http().success_status()
        ),
        (200, 204)
    );
    assert_eq!(wait.declared().for_http().declared_summary(), Some("Waits"));
    assert_eq!(go.declared().for_http(), &HttpDeclared::new());
    let [no_such_item, expired, plain] = add.declared_errors() else {
        panic!("three errors");
    };
    assert_eq!(
        (no_such_item.status(), no_such_item.headers()),
        (Some(404), &[][..])
    );
    assert_eq!(expired.status(), Some(401));
    assert_eq!(
        expired.headers(),
        [
            ("WWW-Authenticate", "Bearer error=\"invalid_token\""),
            ("Cache-Control", "no-store")
        ]
    );
    assert_eq!(plain.status(), None);
    assert!(format!("{:?}", ItemRest::HEALTH_CHECKS).contains("fail_after: Some(300ms)"));

    let service = Implementation::DESCRIPTOR;
    assert_eq!(
        (service.name(), &*service.type_name()),
        ("h-t-t-p-api", "HTTPApi")
    );
    assert_eq!((service.rest(), &*service.package()), ("/", "h_t_t_p_api"));
}
