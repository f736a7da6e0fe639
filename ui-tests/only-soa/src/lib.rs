//! A crate that depends on nothing but the framework, and has not even the prelude in scope: generated code needs nothing
//! else.
//!
//! It is a library, to be built under the strictest lints about documentation, and for rustdoc to go
//! over: the documentation of an action is also that of the client's method, so its links are resolved
//! in both places. `cargo doc` with warnings as errors tests that.
//!
//! Bodies are [`Value`] and `()`, as types of one's own need derives of other crates.
#![no_implicit_prelude]
#![deny(missing_docs, warnings, rustdoc::all)]

use ::core::clone::Clone as _;
use ::core::result::Result::{self, Ok};
use ::soa::health::Health;
use ::soa::{ActionError, Context, Switch, Value};

/// Turns the second way of [`Echo::echo`] on.
pub const TWICE: Switch = Switch::new(5);

/// Repeats what it is told: a contract. Its client is [`EchoClient`].
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

    /// Does nothing, as a [`Context`] has nothing to do with it.
    #[action]
    async fn nothing(&self, request: ()) -> Result<(), ActionError> {
        Ok(request)
    }

    /// Blocks its thread for [no time](ActionError).
    #[action(blocking)]
    fn wait(&self) -> Result<(), ActionError>;
}

/// Keeps the contract [`Echo`].
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

    /// Is always well: see [`Health`].
    #[health_check(cached = "10s")]
    async fn health(&self, cx: &Context) -> Health {
        Health::ok().diagnostic("action", cx.action().len())
    }
}

/// All in one, without a contract.
#[derive(Clone, Copy, Debug)]
pub struct Inherent;

/// Says [`TWICE`] what it has to say.
#[::soa::service(name = "inherent")]
impl Inherent {
    /// Answers with [`Value`]s; by [`Echo`] it would do so [likewise](Echo::echo).
    #[action]
    async fn echo(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    /// Answers as [`Self::echo`] does, in time.
    #[action(timeout = "2s", name = "echo", switch = TWICE)]
    async fn echo_v2(&self, request: Value, _cx: &Context) -> Result<Value, ActionError> {
        Ok(request)
    }

    /// Is always well.
    #[health_check]
    async fn health(&self) {}

    /// Blocks its thread.
    #[action(blocking)]
    fn wait(&self) -> Result<(), ActionError> {
        Ok(())
    }
}
