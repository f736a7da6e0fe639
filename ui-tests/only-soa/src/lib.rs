//! A test of generated code: it needs only the framework. This crate depends on nothing but `soa`, and has no prelude in
//! scope.
//!
//! It is a library, so that it is built with the strictest lints about documentation. The documentation of an action is
//! also that of the client's method, and its links must resolve in both places. `cargo doc` with warnings as errors tests
//! this.
//!
//! Bodies are [`Value`], `()`, and structs under `#[soa::body]`, which needs no other crate.
#![no_implicit_prelude]
#![deny(missing_docs, warnings, rustdoc::all)]

use ::core::clone::Clone as _;
use ::core::result::Result::{self, Ok};
use ::soa::health::Health;
use ::soa::{ActionError, Context, Switch, Value};

/// The switch of the second variant of [`Echo::echo`].
pub const TWICE: Switch = Switch::new(5);

/// A contract: answers with the request. Its client is [`EchoClient`].
#[::soa::service(name = "echo", version = "1.0.0")]
pub trait Echo {
    /// Answers with its request, any [`Value`].
    ///
    /// See also [`echo_twice`](Echo::echo_twice), and [`TWICE`].
    #[action(request = Value, response = Value)]
    async fn echo(&self, request: Value, cx: &Context) -> Result<Value, ActionError>;

    /// Answers with its request, a [`Value`], twice: the variant for [`TWICE`].
    #[action(name = "echo", switch = TWICE)]
    async fn echo_twice(&self, request: Value) -> Result<Value, ActionError>;

    /// Does nothing, and needs no [`Context`].
    #[action]
    async fn nothing(&self, request: ()) -> Result<(), ActionError> {
        Ok(request)
    }

    /// Runs on a thread that may block, see [`ActionError`].
    #[action(blocking)]
    fn wait(&self) -> Result<(), ActionError>;
}

/// Implements the contract [`Echo`].
#[derive(Clone, Copy, Debug)]
pub struct Plain;

#[::soa::service]
impl Echo for Plain {
    async fn echo(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        let _ = cx.action();
        Ok(request)
    }

    async fn echo_twice(&self, request: Value) -> Result<Value, ActionError> {
        Ok(::soa::value!({ "first": (request.clone()), "second": (request) }))
    }

    fn wait(&self) -> Result<(), ActionError> {
        Ok(())
    }

    /// Always reports good [`Health`].
    #[health_check(cached = "10s")]
    async fn health(&self, cx: &Context) -> Health {
        Health::ok().diagnostic("action", cx.action().len())
    }
}

/// A service without a contract.
#[derive(Clone, Copy, Debug)]
pub struct Inherent;

/// Answers with the request, see [`TWICE`].
#[::soa::service(name = "inherent")]
impl Inherent {
    /// Answers with its request, a [`Value`], as [`Echo`] does [in its `echo`](Echo::echo).
    #[action]
    async fn echo(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    /// Answers as [`Self::echo`] does, with a timeout.
    #[action(timeout = "2s", name = "echo", switch = TWICE)]
    async fn echo_v2(&self, request: Value, _cx: &Context) -> Result<Value, ActionError> {
        Ok(request)
    }

    /// Always reports good health.
    #[health_check]
    async fn health(&self) {}

    /// Runs on a thread that may block.
    #[action(blocking)]
    fn wait(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

/// A body, whose derives need no other crate.
#[::soa::body(closed)]
pub struct Greeting {
    /// The text of the greeting.
    pub text: ::std::string::String,
    /// Those who greet.
    pub from: ::std::vec::Vec<Person>,
}

/// A part of a body.
#[::soa::body]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The name.
    #[serde(alias = "name")]
    pub full_name: ::std::string::String,
}

/// A service with bodies of its own.
#[derive(Clone, Copy, Debug)]
pub struct Greeter;

/// Greets.
#[::soa::service(name = "greeter")]
impl Greeter {
    /// Answers with the same [`Greeting`].
    #[action]
    async fn greet(&self, request: Greeting) -> Result<Greeting, ActionError> {
        Ok(request)
    }
}
