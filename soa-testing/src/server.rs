//! The service under test, in the test's own process.

use std::sync::Arc;

use serde::Serialize;
use soa_runtime::client::{Call, Client, ServiceClient, TypedClient};
use soa_runtime::codec::Value;
use soa_runtime::message::{ContextHeader, ContextValue, Name, Switch, to_context};
use soa_runtime::server::{CrashTransport, IntoServer, Server};
use soa_runtime::text::{self, Plain};
use soa_runtime::transport::DeadLetter;

/// A service in the test's own process, and a client of it.
///
/// Calls go through the server's middleware, settings, limits, validation and encoding, as in production, but without
/// frames and queues. The texts of internal errors are told, unless the server's builder has decided about them. A
/// `TestServer` starts no task, so it works in every runtime, also with paused time
/// (`#[tokio::test(start_paused = true)]`).
///
/// The methods `with_…` set the context of every call, as the first caller of a chain does. The assertions
/// ([`assert_runs!`](crate::assert_runs) and others) take the calls.
///
/// ```
/// use soa::testing::TestServer;
/// use soa::{ActionError, Context, Server, Switch, Value, value};
///
/// const LOUD: Switch = Switch::new(3);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let server = Server::untyped("greeter", "1.0.0").action("greet", |_body: Value, cx: Context| async move {
///     let text = if cx.is_active(LOUD) { "HELLO" } else { "hello" };
///     Ok::<_, ActionError>(value!({ "text": text }))
/// });
/// let greeter = TestServer::new(server).with_switch(LOUD);
/// let greeting = soa::assert_runs!(greeter.call("greet", value!({})));
/// assert_eq!(greeting, value!({ "text": "HELLO" }));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestServer {
    server: Server,
    client: Client,
    transport: CrashTransport,
}

impl TestServer {
    /// Creates a test server from a service, a [`Server`], or the builder of one with its middleware. To test with the
    /// settings of a program, apply them to the builder: `settings.server.apply(builder)`.
    ///
    /// # Panics
    /// If the server cannot be built, with the reason.
    #[track_caller]
    pub fn new(service: impl IntoServer) -> Self {
        let server = match service.into_server() {
            Ok(server) => server.under_test(),
            Err(error) => panic!("the server under test cannot be built: {error}"),
        };
        let name: Name = server.name().into();
        let transport = CrashTransport::new(server.clone());
        let client = Client::builder().service(name, transport.clone());
        Self {
            server,
            client: client.finish(),
            transport,
        }
    }

    /// Turns a switch on in every call.
    #[must_use]
    pub fn with_switch(self, switch: impl Into<Switch>) -> Self {
        self.change(|context| context.switches = context.switches.with(switch))
    }

    /// Puts a value into the context of every call.
    ///
    /// # Panics
    /// If the key is one of the framework's own, and the value does not fit it.
    #[must_use]
    #[track_caller]
    pub fn with_context(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut context = self.client.base_context().clone();
        match context.set(key.into(), value.into()) {
            Ok(()) => self.change(|old| *old = context),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Puts a value of a declared type into the context of every call. See [`ContextValue`].
    ///
    /// # Panics
    /// If the value cannot be encoded.
    #[must_use]
    #[track_caller]
    pub fn with_context_value<T: ContextValue>(self, value: T) -> Self {
        match to_context(&value) {
            Ok(value) => self.with_context(T::KEY, value),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Sets the caller of every call.
    #[must_use]
    pub fn with_caller(self, caller: impl Into<Arc<str>>) -> Self {
        self.change(|context| context.caller = Some(caller.into()))
    }

    /// Sets one correlation id for all calls; by default each call has a new one.
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<Arc<str>>) -> Self {
        self.change(|context| context.correlation_id = id.into())
    }

    fn change(mut self, change: impl FnOnce(&mut ContextHeader)) -> Self {
        let mut context = self.client.base_context().clone();
        change(&mut context);
        self.client = self.client.inheriting(context);
        self
    }

    /// Calls an action by its name. The body is anything that serializes to a map.
    pub fn call<B: Serialize>(&self, action: impl Into<Name>, body: B) -> Call<Value> {
        let service: Name = self.server.name().into();
        self.client.call_action(service, action, &body)
    }

    /// Calls an action by its name, with a body of JSON. It is read by the types of the action, as the command `call` does:
    /// dates, decimals, bytes and keys that are numbers are written as text.
    ///
    /// ```
    /// use soa::testing::TestServer;
    /// use soa::{ActionError, Decimal, service, value};
    ///
    /// #[soa::body]
    /// struct Price {
    ///     price: Decimal,
    /// }
    ///
    /// struct Shop;
    ///
    /// #[service(name = "shop", version = "1.0.0")]
    /// impl Shop {
    ///     #[action]
    ///     async fn order(&self, price: Price) -> Result<Price, ActionError> {
    ///         Ok(price)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let shop = TestServer::new(Shop);
    /// let ordered = soa::assert_runs!(shop.call_json("order", r#"{"price": "1.10"}"#));
    /// let price: Decimal = "1.10".parse().unwrap();
    /// assert_eq!(ordered, value!({ "price": price }));
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the text is not JSON, or has texts that do not have the form of their type: all of them.
    #[track_caller]
    pub fn call_json(&self, action: impl Into<Name>, json: &str) -> Call<Value> {
        let action = action.into();
        let switches = &self.client.base_context().switches;
        let schema = self.server.request_schema(&action, switches);
        let body = match schema {
            Some(schema) => text::read(&schema, json),
            None => Plain::from_json(json)
                .map(Plain::into_value)
                .map_err(Into::into),
        };
        match body {
            Ok(body) => self.call(action, body),
            Err(problems) => panic!("the body of `{action}`: {problems}"),
        }
    }

    /// Returns the generated client of the service, for the name that the server has.
    pub fn typed<C: TypedClient>(&self) -> C {
        let service = self.server.name().to_owned();
        C::from_service_client(ServiceClient::new(&self.client, service))
    }

    /// Ends the jobs that run, as if the process of the server had been killed: in their middle, without an answer. Then a new
    /// process takes over. Jobs of idempotent actions begin anew, with a higher [`attempt`](soa_runtime::Context::attempt).
    /// For all others, the caller hears `OUTCOME_UNKNOWN`. A service without idempotent actions loses its jobs, and their
    /// callers wait until their timeouts. State in memory stays as it is, as the service itself is not made anew.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use soa::testing::TestServer;
    /// use soa::{ActionError, Context, Server, Value, value};
    /// use tokio::sync::Notify;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let begun = Arc::new(Notify::new());
    /// let told = Arc::clone(&begun);
    /// let server = Server::untyped("images", "1.0.0")
    ///     .action("shrink", move |_: Value, cx: Context| {
    ///         told.notify_one();
    ///         async move {
    ///             if cx.attempt() == 1 {
    ///                 std::future::pending::<()>().await;
    ///             }
    ///             Ok::<_, ActionError>(value!({ "attempt": (cx.attempt()) }))
    ///         }
    ///     })
    ///     .idempotent("shrink");
    /// let images = TestServer::new(server);
    /// let call = images.call("shrink", value!({})).into_future();
    /// let (shrunk, ()) = tokio::join!(call, async {
    ///     begun.notified().await;
    ///     images.crash();
    /// });
    /// assert_eq!(shrunk.unwrap(), value!({ "attempt": 2 }));
    /// # }
    /// ```
    pub fn crash(&self) {
        self.transport.crash();
    }

    /// Returns the jobs that have ended too many processes: they are not run again.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.transport.dead_letters()
    }

    /// Returns the client, for jobs and parallel calls.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the server, for its counters and for [`answer`](Server::answer).
    pub fn server(&self) -> &Server {
        &self.server
    }
}
