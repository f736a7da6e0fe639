//! The example component: every kind of argument and result over HTTP, as clients of Aspyx call them, and by REST.
//!
//! [`builder`] makes it; the binary `example_component` serves it.

pub mod arguments;
mod default_named;
mod example;
mod health;
mod rest;
mod types;

use soa::{Channel, Component, ComponentBuilder};

pub use default_named::{DefaultNamed, DefaultNamedClient};
pub use example::{ExampleService, ExampleServiceClient};
pub use health::Health;
pub use rest::{
    ExampleRest, ExampleRestClient, Hello, Id, Many, Name, NewItem, NewName, Points, Replacement,
    RestError, Search, Sum, Update,
};
pub use types::{Color, Found, Item, Node, Point, Scalars, Tag};

/// Returns the builder of the component, for a program that serves it.
pub fn builder() -> ComponentBuilder {
    let health = Health::default();
    Component::builder("example-component")
        .description("the example")
        .service(ExampleService::new(health.clone()))
        .service(DefaultNamed)
        .service(ExampleRest)
        .channels([
            Channel::Rest,
            Channel::Json,
            Channel::MessagePack,
            Channel::Protobuf,
        ])
        .health_path("/health")
        .health_check(health.main_check())
        .health_check(health.speed_check())
        .health_check(health.cached_check())
}
