//! The context itself, the call that carries it, and the server behind it.
//!
//! These types contain each other: a context knows its server, which runs calls of other actions, each with a context.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soa_wire::Extensions;
use tokio::time::Instant;

use crate::BoxFuture;
use crate::client::{Client, Places, TypedClient};
use crate::codec::{UtcDateTime, Value};
use crate::error::ActionError;
use crate::identity::Identity;
use crate::lifetime::{Blocking, Lifetime};
use crate::message::{
    ActionResponse, Body, ContextHeader, ContextValue, Control, HttpRequest, Name, Switch,
    SwitchSet, TraceParent, code,
};

/// The context of an action: the caller, the switches, and clients for further calls.
///
/// Cheap to clone, so handlers may move it into tasks of their own.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{ActionError, Context, Value, value};
///
/// async fn greet(_: Value, cx: Context) -> Result<Value, ActionError> {
///     let text = match cx.value("locale").and_then(|locale| locale.as_str()) {
///         Some("fr_FR") => "Bonjour",
///         _ => "Hello",
///     };
///     Ok(value!({ "text": text, "by": (cx.service()) }))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = greet(value!({}), Context::for_test().with_value("locale", "fr_FR")).await?;
/// assert_eq!(answer, value!({ "text": "Bonjour", "by": "test" }));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Context {
    pub(super) job: Arc<JobState>,
    pub(super) action: Name,
    /// The deadline of this action; never later than that of the job.
    deadline: Option<Instant>,
    /// The place of this action in a trace.
    place: Option<TraceParent>,
    pub(super) extensions: Extensions,
    /// The number of actions of this server that have called each other to get here.
    pub(super) depth: u8,
}

/// The data that all actions of a job share.
#[derive(Clone)]
pub(crate) struct JobState {
    pub(crate) service: Name,
    pub(crate) header: ContextHeader,
    pub(crate) control: Control,
    pub(crate) host: Host,
    pub(crate) lifetime: Arc<Lifetime>,
}

/// The place in which a context makes its calls.
#[derive(Clone)]
pub(crate) enum Host {
    /// The server that runs the job.
    Server(Arc<dyn Siblings>),
    /// A test: a client, and the server whose other actions can be called.
    Test {
        client: Client,
        server: Option<Arc<dyn Siblings>>,
    },
}

impl Host {
    /// Returns the server whose other actions can be called.
    pub(crate) fn server(&self) -> Option<&Arc<dyn Siblings>> {
        match self {
            Self::Server(server) => Some(server),
            Self::Test { server, .. } => server.as_ref(),
        }
    }

    /// Returns the client for chained calls, and the hook that it passes through.
    pub(crate) fn client(&self) -> (&Client, Option<&ClientHook>) {
        match self {
            Self::Server(server) => server.client(),
            Self::Test { client, .. } => (client, None),
        }
    }
}

/// The other actions of the server that runs a job.
pub(crate) trait Siblings: Send + Sync {
    /// Runs an action of the server, without a job, a transport or middleware around it.
    fn call(self: Arc<Self>, call: ActionCall) -> ActionFuture;

    /// Counts a handler that blocks a thread of its own, so that the server waits for it when it stops.
    fn blocking(&self) -> Blocking;

    /// Returns the client for chained calls, and the hook that it passes through.
    fn client(&self) -> (&Client, Option<&ClientHook>);

    /// Returns the places for jobs of the server.
    fn places(&self) -> Arc<Places>;

    /// Returns true if this action of the server may run again, where these switches select one of several variants.
    fn is_idempotent(&self, action: &str, switches: &SwitchSet) -> bool;

    /// Returns what modules above this one keep for the handlers of the server.
    fn extensions(&self) -> &Extensions;
}

/// A server in this process, whose actions a context can call. It is made from a [`Server`](crate::Server).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Context, LocalServer, Server};
///
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let cx = Context::for_test().with_server(LocalServer::from(&server));
/// assert_eq!(cx.service(), "tools");
/// # Ok::<(), soa::BuildError>(())
/// ```
pub struct LocalServer {
    pub(crate) service: Name,
    pub(crate) siblings: Arc<dyn Siblings>,
}

impl fmt::Debug for LocalServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalServer").field(&self.service).finish()
    }
}

/// A call of one action on its way through action middleware to the handler.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{ActionCall, Body, Context, Encoding, value};
///
/// let body = Body::encode(Encoding::MessagePack, &value!({ "n": 1 }));
/// let call = ActionCall::new("echo", body, Context::for_test().with_caller("tests"));
/// assert_eq!(call.context.caller(), Some("tests"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionCall {
    /// The name of the action.
    pub action: Name,
    /// Its input, still encoded.
    pub body: Body,
    /// The context that the handler gets.
    pub context: Context,
}

impl ActionCall {
    /// Returns a call of this action, for tests of middleware. The context should be one for the same action.
    pub fn new(action: impl Into<Name>, body: Body, context: Context) -> Self {
        Self {
            action: action.into(),
            body,
            context,
        }
    }
}

/// The future of an action.
pub type ActionFuture = BoxFuture<Result<ActionResponse, ActionError>>;

/// A function that sees every client that a server makes for a handler.
pub(crate) type ClientHook = Arc<dyn Fn(Client, &ContextHeader) -> Client + Send + Sync>;

/// An extension of a job: a function that a test puts around the clients of handlers.
#[doc(hidden)]
pub struct ClientLayer(pub Arc<dyn Fn(Client) -> Client + Send + Sync>);

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLayer")
    }
}

/// An extension of a job: the time at which a test has stopped the clock.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct FrozenTime(pub UtcDateTime);

impl Context {
    pub(crate) fn new(
        job: Arc<JobState>,
        action: Name,
        extensions: Extensions,
        place: Option<TraceParent>,
    ) -> Self {
        Self {
            deadline: job.lifetime.deadline,
            job,
            action,
            place,
            extensions,
            depth: 0,
        }
    }

    /// Returns the same context for an action that has at most this much time.
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        self.deadline = deadline.into_iter().chain(self.deadline).min();
        self
    }

    /// Returns the same context for work that others wait for as well: without a deadline, and not to be cancelled.
    pub(crate) fn for_all(&self) -> Self {
        let mut cx = self.clone().change(|job| job.lifetime = Arc::default());
        cx.deadline = None;
        cx
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.job.lifetime
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut JobState)) -> Self {
        change(Arc::make_mut(&mut self.job));
        self
    }

    /// Returns true if this action of the server behind the context may run again.
    pub(crate) fn is_idempotent(&self, action: &str) -> bool {
        let server = self.job.host.server();
        server.is_some_and(|server| server.is_idempotent(action, self.switches()))
    }

    /// Returns the name of the action that runs.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Returns the name under which the service runs.
    pub fn service(&self) -> &str {
        &self.job.service
    }

    /// Returns the active switches.
    pub fn switches(&self) -> &SwitchSet {
        &self.job.header.switches
    }

    /// Returns true if this switch is on.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Context, Switch};
    ///
    /// const BETA: Switch = Switch::new(7);
    /// assert!(Context::for_test().with_switch(BETA).is_active(BETA));
    /// assert!(!Context::for_test().is_active(BETA));
    /// ```
    pub fn is_active(&self, switch: impl Into<Switch>) -> bool {
        self.job.header.switches.is_active(switch)
    }

    /// Returns the correlation id, which is the same for all calls and jobs that one event causes, across services.
    pub fn correlation_id(&self) -> &str {
        &self.job.header.correlation_id
    }

    /// Returns the name that the *first* caller of the chain gave itself ([`ClientBuilder::caller`]). A service that calls
    /// another one passes it on, so it is the same in every service of the chain: `billing/nightly`.
    ///
    /// [`calling_service`](Self::calling_service) is the direct caller. Neither is proven: see
    /// [`identity`](Self::identity).
    ///
    /// [`ClientBuilder::caller`]: crate::ClientBuilder::caller
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Client, Context, LocalTransport, Server, Value, value};
    ///
    /// async fn who(_: Value, cx: Context) -> Result<Value, ActionError> {
    ///     Ok(value!({ "caller": (cx.caller()), "calling_service": (cx.calling_service()) }))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Server::untyped("users", "1.0.0").action("who", who).build()?;
    /// let users = Client::builder().service("users", LocalTransport::new(users)).build()?;
    /// let shop = Server::untyped("shop", "1.0.0")
    ///     .action("who", |_: Value, cx: Context| async move {
    ///         Ok::<_, ActionError>(cx.soa_client().call_action("users", "who", &()).await?)
    ///     })
    ///     .client(users)
    ///     .build()?;
    /// let client = Client::builder().caller("billing").service("shop", LocalTransport::new(shop)).build()?;
    /// let chained = client.call_action("shop", "who", &()).await?;
    /// assert_eq!(chained, value!({ "caller": "billing", "calling_service": "shop" }));
    /// # Ok(()) }
    /// ```
    pub fn caller(&self) -> Option<&str> {
        self.job.header.caller.as_deref()
    }

    /// Returns the place of this action in a trace: that of its own span, or else the place that came with the job.
    pub fn trace_parent(&self) -> Option<TraceParent> {
        self.place
    }

    /// Returns the service that made this call, the *direct* caller; `None` if that is not a service. The framework sets
    /// it in every chained call.
    ///
    /// [`caller`](Self::caller) is the first caller of the chain.
    pub fn calling_service(&self) -> Option<&str> {
        self.job.header.calling_service.as_deref()
    }

    /// Returns a value that a caller added to the context (not one of the framework's own keys).
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.job.header.extra.get(key)
    }

    /// Returns the context header as it was received.
    pub fn header(&self) -> &ContextHeader {
        &self.job.header
    }

    /// Returns the control header as it was received.
    pub fn control(&self) -> &Control {
        &self.job.control
    }

    /// Returns the current time. A handler that asks here, and not the system, can be tested at any time: with
    /// [`with_now`](Self::with_now), or by the `freeze time` of a test plan.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Context, UtcDateTime};
    ///
    /// let noon: UtcDateTime = "2024-02-29T12:00:00Z".parse()?;
    /// assert_eq!(Context::for_test().with_now(noon).now(), noon);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn now(&self) -> UtcDateTime {
        match self.extensions.get::<FrozenTime>() {
            Some(FrozenTime(now)) => *now,
            None => UtcDateTime::now(),
        }
    }

    /// Returns the value of this type that a caller added to the context; `None` if there is none. See
    /// [`ContextValue`].
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use serde::{Deserialize, Serialize};
    /// use soa::{Context, ContextValue};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Tenant(String);
    ///
    /// impl ContextValue for Tenant {
    ///     const KEY: &'static str = "tenant";
    /// }
    ///
    /// let cx = Context::for_test().with_context_value(Tenant("north".to_owned()));
    /// assert_eq!(cx.get::<Tenant>()?, Some(Tenant("north".to_owned())));
    /// # Ok::<(), soa::ActionError>(())
    /// ```
    ///
    /// # Errors
    /// The value under the key of the type has another type: `INVALID`, the caller's fault, at `context.KEY`.
    pub fn get<T: ContextValue>(&self) -> Result<Option<T>, ActionError> {
        self.job.header.get().map_err(|error| {
            let key = T::KEY;
            let message = format!("The context's `{key}` cannot be read: {error}");
            ActionError::caller(code::INVALID, message).field(format!("context.{key}"))
        })
    }

    /// Returns the value of this type that middleware has left. It does not travel: see [`get`](Self::get) for values
    /// that callers send.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Context;
    ///
    /// struct Tenant(&'static str);
    ///
    /// let cx = Context::for_test().with_extension(Tenant("north"));
    /// assert_eq!(cx.extension::<Tenant>().map(|tenant| tenant.0), Some("north"));
    /// ```
    pub fn extension<T: 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }

    /// Returns the HTTP request that the job came by; `None` if it came by a queue, or from the same process.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context, Value, value};
    ///
    /// async fn greet(_: Value, cx: Context) -> Result<Value, ActionError> {
    ///     let language = cx.http().and_then(|http| http.header("Accept-Language"));
    ///     Ok(value!({ "text": (if language == Some("fr") { "Bonjour" } else { "Hello" }) }))
    /// }
    /// ```
    pub fn http(&self) -> Option<&HttpRequest> {
        self.extensions.get()
    }

    /// Returns the identity of the caller, if middleware has authenticated it: see
    /// [`Authentication`](crate::middleware::Authentication).
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Context;
    /// use soa::middleware::Identity;
    ///
    /// let ada = Identity::new("ada").with_permissions(["orders.write"]);
    /// let cx = Context::for_test().with_extension(ada);
    /// assert!(cx.identity().is_some_and(|caller| caller.has("orders.write")));
    /// ```
    pub fn identity(&self) -> Option<&Identity> {
        self.extensions.get()
    }

    /// Returns the extensions, in which middleware leaves values for handlers.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::{ActionStage, Next, from_fn};
    /// use soa::ActionCall;
    ///
    /// struct Tenant(String);
    ///
    /// let tenants = from_fn(|mut call: ActionCall, next: Next<ActionStage>| async move {
    ///     if let Some(name) = call.context.value("tenant").and_then(|name| name.as_str()) {
    ///         let tenant = Tenant(name.to_owned());
    ///         call.context.extensions_mut().insert(tenant);
    ///     }
    ///     next.run(call).await
    /// });
    /// # fn is_middleware(_: impl soa::middleware::Middleware<ActionStage>) {}
    /// # is_middleware(tenants);
    /// ```
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// Returns the deadline of the action; `None` without a limit. At the deadline the action is given up: its future
    /// is dropped where it waits, and the caller gets `ACTION_TIMEOUT`.
    ///
    /// The deadline is the earlier of the caller's timeout, counted from when the request was received, and the limits
    /// of the server. Chained calls end at this deadline, too.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the time until the [`deadline`](Self::deadline).
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::Context;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cx = Context::for_test().with_time_left(Duration::from_secs(2));
    /// assert!(cx.time_left().is_some_and(|left| left <= Duration::from_secs(2)));
    /// assert_eq!(Context::for_test().time_left(), None);
    /// # Ok(()) }
    /// ```
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Returns true if the response of this job is not needed any more: its deadline has passed, its caller has given up, or
    /// the server stops. Over Redis, a service with idempotent actions hears about its callers within about a second, and one
    /// without does not. Handlers that work without waiting, or on another thread, should
    /// check it.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context};
    ///
    /// fn digest(parts: &[Vec<u8>], cx: &Context) -> Result<usize, ActionError> {
    ///     let mut sum = 0;
    ///     for part in parts {
    ///         if cx.is_cancelled() {
    ///             return Err(ActionError::internal("the digest is not needed any more"));
    ///         }
    ///         sum += part.len();
    ///     }
    ///     Ok(sum)
    /// }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.is_late() || self.job.lifetime.is_over()
    }

    /// Returns the number of this delivery of the job: 1 for the first, and more if a process that ran it before is gone.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Context;
    ///
    /// fn may_have_begun_before(cx: &Context) -> bool {
    ///     cx.attempt() > 1
    /// }
    /// ```
    pub fn attempt(&self) -> u32 {
        self.job.lifetime.origin.attempt.max(1)
    }

    /// Returns the id of the job, which is the same in all of its deliveries: for unique keys and conditional writes, which
    /// keep the effects of a job from happening twice. `None` if the job came another way than by a queue that holds its
    /// requests, so that it is not delivered again.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Context;
    ///
    /// /// The key of a row that a second run finds.
    /// fn key(cx: &Context) -> Option<String> {
    ///     cx.job_id().map(|id| format!("shipment-{id}"))
    /// }
    /// ```
    pub fn job_id(&self) -> Option<String> {
        self.job.lifetime.origin.id()
    }

    /// Waits until [`is_cancelled`](Self::is_cancelled). This is for tasks that a handler has started. The handler
    /// itself is given up at the deadline and when the server stops, but not when its caller goes: a started job is
    /// finished.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Context;
    ///
    /// # async fn copy() {}
    /// # async fn handler(cx: &Context) {
    /// let cx = cx.clone();
    /// tokio::spawn(async move {
    ///     tokio::select! {
    ///         () = copy() => {}
    ///         () = cx.cancelled() => println!("the copy was given up"),
    ///     }
    /// });
    /// # }
    /// ```
    pub async fn cancelled(&self) {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = late => {}
            () = self.job.lifetime.until_over() => {}
        }
    }

    /// Returns true if the action has been answered without its handler.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_late() || self.job.lifetime.is_cut() || self.job.lifetime.is_out_of_time()
    }

    /// Counts a handler that blocks a thread of its own, for the end of its server.
    pub(crate) fn blocking(&self) -> Option<Blocking> {
        let server = self.job.host.server();
        server.map(|server| server.blocking())
    }

    /// Returns what a module above this one keeps for the handlers of the server.
    pub(crate) fn of_server<T: 'static>(&self) -> Option<&T> {
        self.job.host.server()?.extensions().get()
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns the client for chained calls. It passes this whole context on (correlation id, switches and all) and
    /// names the calling service.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context, Value};
    ///
    /// async fn author(_: Value, cx: Context) -> Result<Value, ActionError> {
    ///     Ok(cx.soa_client().call_action("authors", "find", &()).await?)
    /// }
    /// ```
    pub fn soa_client(&self) -> Client {
        let mut header = self.job.header.clone();
        header.calling_service = Some(Arc::from(&*self.job.service));
        header.trace_parent = self.place;
        let (client, hook) = self.job.host.client();
        let mut client = client.inheriting(header).until(self.deadline);
        if let Some(server) = self.job.host.server() {
            client = client.within_server(server.places());
        }
        let client = match hook {
            Some(hook) => hook(client, &self.job.header),
            None => client,
        };
        match self.extensions.get::<ClientLayer>() {
            Some(ClientLayer(layer)) => layer(client),
            None => client,
        }
    }

    /// Returns a typed client for a chained call, for the service's own name.
    ///
    /// For a service under another name: `OtherClient::named(&cx.soa_client(), "other2")`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::client::TypedClient;
    /// use soa::{ActionError, Context};
    ///
    /// # trait Find: TypedClient { fn find(&self) -> soa::Call<soa::Value>; }
    /// # async fn example<LibraryClient: Find>(cx: Context) -> Result<(), ActionError> {
    /// let library: LibraryClient = cx.client();
    /// let book = library.find().await?;
    /// # Ok(()) }
    /// ```
    pub fn client<C: TypedClient>(&self) -> C {
        C::new(&self.soa_client())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("service", &self.job.service)
            .field("action", &self.action)
            .field("correlation_id", &self.job.header.correlation_id)
            .field("switches", &self.job.header.switches)
            .finish_non_exhaustive()
    }
}
