//! Contexts for tests, and for calls between actions of one server: changes of a context.

use std::sync::Arc;
use std::time::Duration;

use soa_wire::Extensions;

use super::handle::{Context, FrozenTime, Host, JobState, LocalServer};
use crate::client::{Client, ClientBuilder};
use crate::codec::{UtcDateTime, Value};
use crate::message::{ContextHeader, ContextValue, Control, Name, Switch, to_context};

impl Context {
    /// Returns a context for calling a handler directly in a test: a fresh correlation id, no switches, and a client
    /// without routes. The `with_…` methods fill it.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Context, Switch};
    ///
    /// const BETA: Switch = Switch::new(7);
    /// let cx = Context::for_test().with_switch(BETA).with_value("locale", "fr_FR");
    /// assert!(cx.is_active(BETA));
    /// assert_eq!(cx.value("locale").and_then(|locale| locale.as_str()), Some("fr_FR"));
    /// ```
    pub fn for_test() -> Self {
        let job = JobState {
            service: Name::from_static("test"),
            header: ContextHeader::fresh(),
            control: Control::default(),
            host: Host::Test {
                client: ClientBuilder::default().finish(),
                server: None,
            },
            lifetime: Arc::default(),
        };
        let name = Name::from_static("test");
        Self::new(Arc::new(job), name, Extensions::new(), None)
    }

    /// Turns a switch on.
    #[must_use]
    pub fn with_switch(self, switch: impl Into<Switch>) -> Self {
        self.change(|job| job.header.switches = job.header.switches.with(switch))
    }

    /// Adds a value of the users' own.
    #[must_use]
    pub fn with_value(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.change(|job| {
            job.header.extra.insert(key.into(), value.into());
        })
    }

    /// Adds a value of a declared type, for [`Context::get`].
    ///
    /// # Panics
    /// The value cannot be encoded.
    #[must_use]
    #[track_caller]
    pub fn with_context_value<T: ContextValue>(self, value: T) -> Self {
        match to_context(&value) {
            Ok(value) => self.with_value(T::KEY, value),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Sets the correlation id.
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<Arc<str>>) -> Self {
        self.change(|job| job.header.correlation_id = id.into())
    }

    /// Sets the caller.
    #[must_use]
    pub fn with_caller(self, caller: impl Into<Arc<str>>) -> Self {
        self.change(|job| job.header.caller = Some(caller.into()))
    }

    /// Sets the client for chained calls.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::Stub;
    /// use soa::{Client, Context, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let authors = Stub::new().on_action("find", |_| Ok(value!({ "name": "Ada" })));
    /// let client = Client::builder().service("authors", authors).build()?;
    /// let cx = Context::for_test().with_client(&client);
    /// let author = cx.soa_client().call_action("authors", "find", &()).await?;
    /// assert_eq!(author, value!({ "name": "Ada" }));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_client(self, client: &Client) -> Self {
        self.change(|job| {
            let server = job.host.server().cloned();
            let client = client.clone();
            job.host = Host::Test { client, server };
        })
    }

    /// Makes this the context of an action of the given server, so that [`call_local`](Self::call_local) reaches its
    /// other actions.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Action, ActionError, Context, Server, Value, value};
    ///
    /// const ECHO: Action<Value, Value> = Action::new("echo");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .action("echo", |body: Value, _: Context| async { Ok::<_, ActionError>(body) })
    ///     .build()?;
    /// let cx = Context::for_test().with_server(&server);
    /// assert_eq!(cx.call_local(ECHO, value!({ "n": 1 })).await?, value!({ "n": 1 }));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_server(self, server: impl Into<LocalServer>) -> Self {
        let LocalServer { service, siblings } = server.into();
        self.change(|job| {
            job.service = service;
            let client = job.host.client().0.clone();
            let server = Some(siblings);
            job.host = Host::Test { client, server };
        })
    }

    /// Limits the time that the action has left.
    #[must_use]
    pub fn with_time_left(self, time: Duration) -> Self {
        self.within(time)
    }

    /// Adds a value for [`Context::extension`].
    #[must_use]
    pub fn with_extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// Stops the clock of the action at this time.
    #[must_use]
    pub fn with_now(self, now: UtcDateTime) -> Self {
        self.with_extension(FrozenTime(now))
    }
}
