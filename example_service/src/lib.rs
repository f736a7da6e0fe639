//! The example service: every feature of the framework in its smallest form, and the first thing to copy.
//!
//! [`ExampleService`] has the actions, [`ExampleServiceClient`] calls them with types, [`types`] has their
//! requests and responses. The binary of this crate serves the service in its own process and calls it.

mod canonical;
mod service;
pub mod types;

pub use service::{ExampleService, ExampleServiceClient, VERSION_2, VERSION_3};
