//! A service under test, in the test's own process.

use std::sync::Arc;

use serde::Serialize;

use soa_runtime::client::{Call, Client, ServiceClient, TypedClient};
use soa_runtime::codec::Value;
use soa_runtime::message::{ContextHeader, ContextValue, Name, Switch, to_context};
use soa_runtime::server::LocalTransport;
use soa_runtime::server::{IntoServer, Server};

/// A service in the test's own process, and a client of it.
///
/// Middleware, settings, limits, validation and encoding are those of the server that it is given: what production
/// runs, without frames and queues. It costs no task, so it works in every runtime, also where time stands still
/// (`#[tokio::test(start_paused = true)]`).
///
/// What it is told by `with_…` is in the context of every call, as a chain's first caller would put it there. The
/// assertions ([`assert_runs!`](crate::assert_runs) and others) take its calls.
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
}

impl TestServer {
    /// A service, a [`Server`] or its builder. A builder brings its middleware; what an operator decides is added by
    /// `settings.server.apply(builder)`, as the program itself does it.
    ///
    /// # Panics
    /// A server that cannot be built, with the reason.
    #[track_caller]
    pub fn new(service: impl IntoServer) -> Self {
        let server = match service.into_server() {
            Ok(server) => server,
            Err(error) => panic!("the service under test cannot be served: {error}"),
        };
        let name: Name = server.name().to_owned().into();
        let client = Client::builder().service(name, LocalTransport::new(server.clone()));
        Self {
            server,
            client: client.finish(),
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
    /// A value that cannot be the one of a key of the framework's own.
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
    /// A value that cannot be encoded.
    #[must_use]
    #[track_caller]
    pub fn with_context_value<T: ContextValue>(self, value: T) -> Self {
        match to_context(&value) {
            Ok(value) => self.with_context(T::KEY, value),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Names the caller in every call.
    #[must_use]
    pub fn with_caller(self, caller: impl Into<Arc<str>>) -> Self {
        self.change(|context| context.caller = Some(caller.into()))
    }

    /// Gives every call the same correlation id; by default each has a fresh one.
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

    /// A call of an action by name; the body is anything that serializes to a map.
    pub fn call<B: Serialize>(&self, action: impl Into<Name>, body: B) -> Call<Value> {
        let service: Name = self.server.name().to_owned().into();
        self.client.call_action(service, action, &body)
    }

    /// The generated client of the service, whatever name it runs under.
    pub fn typed<C: TypedClient>(&self) -> C {
        let service = self.server.name().to_owned();
        C::from_service_client(ServiceClient::new(&self.client, service))
    }

    /// The client, for jobs and parallel calls.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The server, for what it has counted, and for [`answer`](Server::answer).
    pub fn server(&self) -> &Server {
        &self.server
    }
}
