//! The example service: every feature of the framework in its smallest form, and the first thing to copy.
//!
//! * [`Example`] is the contract: the actions and, in [`types`], their requests and responses. [`ExampleClient`],
//!   generated from it, calls them. This is all that callers need.
//! * [`ExampleService`] keeps the contract. In a company with many services, this part would be a crate of its own.
//!
//! The binary `example_service` serves the service, in its own process or over Redis, and calls any action by name;
//! `example_client` is a caller that knows the contract alone.

mod canonical;
mod contract;
mod service;
pub mod types;

pub use contract::{Example, ExampleClient, VERSION_2, VERSION_3};
pub use service::ExampleService;
