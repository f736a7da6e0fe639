//! An example service: every feature of the framework in its smallest form, to be copied.
//!
//! * [`Example`] is the contract: the actions, with their requests and responses in [`types`]. The generated
//!   [`ExampleClient`] calls them. Callers need nothing else.
//! * [`ExampleService`] implements the contract. With many services, it would be in a crate of its own.
//!
//! The binary `example_service` serves the service, in its own process or over Redis, and calls any action by name. The
//! binary `example_client` is a caller that uses only the contract.

mod canonical;
#[cfg(feature = "http")]
pub mod component;
mod contract;
mod service;
pub mod types;

pub use contract::{Example, ExampleClient, VERSION_2, VERSION_3};
pub use service::ExampleService;
