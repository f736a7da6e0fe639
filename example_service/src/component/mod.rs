//! The example component: every kind of argument and result over HTTP, as clients of Aspyx call them, and by REST.
//!
//! [`build`] makes it; the binary `example_component` serves it.

mod arguments;
mod default_named;
mod example;
mod health;
mod rest;
mod types;

use soa::{BuildError, Channel, Component};

pub use default_named::{DefaultNamed, DefaultNamedClient};
pub use example::{ExampleService, ExampleServiceClient};
pub use health::Health;
pub use rest::{ExampleRest, ExampleRestClient, RestError};
pub use types::{Color, Found, Item, Node, Point, Scalars, Tag};

/// Builds the component.
///
/// # Errors
/// None in this form: the names and the types are fixed.
pub fn build() -> Result<Component, BuildError> {
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
        .build()
}
