//! The options of a call, and the methods that set them on every form of call.

use std::sync::Arc;
use std::time::Duration;

use super::scope::ScopeSlot;
use crate::codec::Value;
use crate::expansion::RequestedExpansions;
use crate::message::{ContextHeader, ContextValue, Control, Switch, SwitchSet, to_context};
use crate::redact;

/// The options of one call or job.
///
/// Calls and jobs have the methods that set them:
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = soa::Server::untyped("echo", "1.0.0")
/// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
/// #     .build()?;
/// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
/// let call = client
///     .call_action("echo", "echo", &())
///     .timeout(Duration::from_secs(2))
///     .idempotent()
///     .correlation_id("import-42")
///     .control("dry_run", true);
/// call.await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) switches: SwitchSet,
    pub(super) correlation_id: Option<Arc<str>>,
    pub(super) context: Vec<(String, Value)>,
    pub(super) control: Vec<(String, Value)>,
    pub(super) continue_on_error: bool,
    pub(super) is_idempotent: bool,
    /// True if nobody waits for a response, and none is sent.
    pub(super) is_forgotten: bool,
    /// The first mistake in an option that was given.
    pub(super) problem: Option<String>,
    pub(super) expansions: RequestedExpansions,
    /// True if the caller gets errors of actions beside the bodies of other actions.
    pub(super) returns_errors: bool,
    /// Takes the scope of the call, for expansions of its typed response.
    pub(super) scope_slot: Option<ScopeSlot>,
}

impl CallOptions {
    /// Turns the client's base context into that of this call, and fills the control header except for the timeout.
    ///
    /// # Errors
    /// A value is wrong that was given for one of the framework's own keys.
    pub(super) fn apply(
        self,
        context: &mut ContextHeader,
        control: &mut Control,
    ) -> Result<(), String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        for (key, value) in self.context {
            context.set(key, value)?;
        }
        context.switches = context.switches.union(&self.switches);
        if let Some(correlation_id) = self.correlation_id {
            context.correlation_id = correlation_id;
        }
        control.continue_on_error = self.continue_on_error;
        for (key, value) in self.control {
            control.set(key, value)?;
        }
        if control.suppress_response == Some(true) {
            return Err(
                "`suppress_response` is not for calls that wait for their answer: use `send_and_forget`"
                    .to_owned(),
            );
        }
        control.suppress_response = Some(self.is_forgotten);
        Ok(())
    }

    /// True if the call sets switches or values of its context. Tokens travel by other ways.
    pub(super) fn sets_context(&self) -> bool {
        let mut keys = self.context.iter().map(|(key, _)| key);
        !self.switches.is_empty() || keys.any(|key| !redact::is_token(key))
    }

    pub(super) fn add_switch(&mut self, switch: Switch) {
        self.switches = self.switches.with(switch);
    }

    pub(super) fn add_context(&mut self, key: String, value: Value) {
        self.context.push((key, value));
    }

    pub(super) fn add_context_value<T: ContextValue>(&mut self, value: &T) {
        match to_context(value) {
            Ok(value) => self.add_context(T::KEY.to_owned(), value),
            Err(problem) => drop(self.problem.get_or_insert(problem)),
        }
    }

    pub(super) fn add_expansions(&mut self, object_type: String, names: Vec<String>) {
        self.expansions.push((object_type, names));
    }

    pub(super) fn add_control(&mut self, key: String, value: Value) {
        self.control.push((key, value));
    }
}

/// The option methods of a form of call: `self` becomes `$Out` by its method `with`.
macro_rules! option_methods {
    ($Out:ty) => {
        /// Limits the time until the response, middleware included. The server is told, so that it can stop when nobody
        /// waits. Requires a tokio runtime with its time driver.
        ///
        /// ```
        /// # use soa_runtime as soa;
        /// use std::time::Duration;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// # let server = soa::Server::untyped("echo", "1.0.0")
        /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
        /// #     .build()?;
        /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
        /// let call = client.call_action("echo", "echo", &()).timeout(Duration::from_secs(2));
        /// call.await?;
        /// # Ok(()) }
        /// ```
        pub fn timeout(self, timeout: std::time::Duration) -> $Out {
            self.with(|options| options.timeout = Some(timeout))
        }

        /// Turns a switch on, for this call and every call that it causes.
        pub fn switch(self, switch: impl Into<crate::message::Switch>) -> $Out {
            self.with(|options| options.add_switch(switch.into()))
        }

        /// Declares that the actions of this call may safely run more than once. Middleware may then send it again:
        /// [`Retry`](crate::middleware::Retry).
        ///
        /// ```
        /// # use soa_runtime as soa;
        /// use std::time::Duration;
        ///
        /// # async fn example(client: soa::Client) -> Result<(), soa::ClientError> {
        /// // A client with the middleware `Retry` may send this twice.
        /// let book = client.call_action("library", "find_book", &()).idempotent().await?;
        /// # Ok(()) }
        /// ```
        pub fn idempotent(self) -> $Out {
            self.with(|options| options.is_idempotent = true)
        }

        /// Uses this correlation id instead of an inherited or a fresh one.
        pub fn correlation_id(self, id: impl Into<std::sync::Arc<str>>) -> $Out {
            self.with(|options| options.correlation_id = Some(id.into()))
        }

        /// Adds a value to the context, which flows down the chain.
        pub fn context(
            self,
            key: impl Into<String>,
            value: impl Into<crate::codec::Value>,
        ) -> $Out {
            self.with(|options| options.add_context(key.into(), value.into()))
        }

        /// Adds a value of a declared type to the context, which flows down the chain; handlers get it by its type. See
        /// [`ContextValue`](crate::ContextValue).
        ///
        /// ```
        /// # use soa_runtime as soa;
        /// use serde::{Deserialize, Serialize};
        /// use soa::ContextValue;
        ///
        /// #[derive(Serialize, Deserialize)]
        /// struct Tenant(String);
        ///
        /// impl ContextValue for Tenant {
        ///     const KEY: &'static str = "tenant";
        /// }
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// # let server = soa::Server::untyped("echo", "1.0.0")
        /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
        /// #     .build()?;
        /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
        /// let call = client.call_action("echo", "echo", &());
        /// call.context_value(Tenant("north".to_owned())).await?;
        /// # Ok(()) }
        /// ```
        pub fn context_value<T: crate::message::ContextValue>(self, value: T) -> $Out {
            self.with(|options| options.add_context_value(&value))
        }

        /// Adds a value to the control header, which only the called server sees.
        pub fn control(
            self,
            key: impl Into<String>,
            value: impl Into<crate::codec::Value>,
        ) -> $Out {
            self.with(|options| options.add_control(key.into(), value.into()))
        }

        /// Expands the objects with this `_type`, anywhere in the response, by the client's
        /// [`Expansions`](crate::client::Expansions) of these names; `owner.boss` is one nested in another. A timeout
        /// of the call covers the expansions, too.
        ///
        /// ```
        /// # use soa_runtime as soa;
        /// # async fn example(client: soa::Client) -> Result<(), soa::ClientError> {
        /// let call = client.call_action("library", "find_book", &());
        /// // In each book, its author, and in that the publisher.
        /// let book = call.expansions("book", ["author", "author.publisher"]).await?;
        /// # Ok(()) }
        /// ```
        pub fn expansions<N: Into<String>>(
            self,
            object_type: impl Into<String>,
            names: impl IntoIterator<Item = N>,
        ) -> $Out {
            let names = names.into_iter().map(Into::into).collect();
            self.with(|options| options.add_expansions(object_type.into(), names))
        }
    };
}

pub(super) use option_methods;
