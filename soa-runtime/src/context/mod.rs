//! What a handler sees of the job that it runs in.

mod call;
mod local;
mod siblings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Client, ClientBuilder, TypedClient};
use crate::codec::{UtcDateTime, Value};
use crate::error::ActionError;
use crate::identity::Identity;
use crate::lifetime::{Blocking, Lifetime};
use crate::message::{
    ContextHeader, ContextValue, Control, Name, Switch, SwitchSet, TraceParent, code, to_context,
};
use soa_wire::Extensions;

pub use call::{ActionCall, ActionFuture, ActionStage};
pub use siblings::LocalServer;
pub(crate) use siblings::Siblings;

/// The context of an action: who calls, with which switches, and clients for the next call.
///
/// Cheap to clone, so handlers may move it into tasks of their own.
#[derive(Clone)]
pub struct Context {
    job: Arc<JobState>,
    action: Name,
    /// When this action has to be done; never later than the job.
    deadline: Option<Instant>,
    /// Where in a trace this action is.
    place: Option<TraceParent>,
    extensions: Extensions,
    /// How many actions of this server have called each other to get here.
    depth: u8,
}

/// What all actions of a job share.
#[derive(Clone)]
pub(crate) struct JobState {
    pub(crate) service: Name,
    pub(crate) header: ContextHeader,
    pub(crate) control: Control,
    pub(crate) client: Client,
    pub(crate) hook: Option<ClientHook>,
    /// The server whose other actions can be called; `None` in tests.
    pub(crate) server: Option<Arc<dyn Siblings>>,
    pub(crate) lifetime: Arc<Lifetime>,
}

/// Sees every client that a server makes for a handler.
pub(crate) type ClientHook = Arc<dyn Fn(Client, &ContextHeader) -> Client + Send + Sync>;

/// Among the extensions of a job: what a test puts around the clients of its handlers.
#[doc(hidden)]
pub struct ClientLayer(pub Arc<dyn Fn(Client) -> Client + Send + Sync>);

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLayer")
    }
}

/// Among the extensions of a job: where a test has stopped the clock.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Frozen(pub UtcDateTime);

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

    /// The same context for an action that has at most so much time.
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        self.deadline = deadline.into_iter().chain(self.deadline).min();
        self
    }

    /// The same context for work that others wait for as well: it has no deadline, and nobody can cancel it.
    pub(crate) fn for_all(&self) -> Self {
        let mut cx = self.clone().change(|job| job.lifetime = Arc::default());
        cx.deadline = None;
        cx
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.job.lifetime
    }

    /// A context for calling a handler directly in a test: a fresh correlation id, no switches, and a
    /// client without routes. The `with_…` methods fill it.
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
            service: Name::Borrowed("test"),
            header: ContextHeader::fresh(),
            control: Control::default(),
            client: ClientBuilder::default().finish(),
            hook: None,
            server: None,
            lifetime: Arc::default(),
        };
        let name = Name::Borrowed("test");
        Self::new(Arc::new(job), name, Extensions::new(), None)
    }

    /// The context with a switch turned on.
    #[must_use]
    pub fn with_switch(self, switch: impl Into<Switch>) -> Self {
        self.change(|job| job.header.switches = job.header.switches.with(switch))
    }

    /// The context with a value of the users' own.
    #[must_use]
    pub fn with_value(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.change(|job| {
            job.header.extra.insert(key.into(), value.into());
        })
    }

    /// The context with a value of a declared type, for [`Context::get`].
    ///
    /// # Panics
    /// A value that cannot be encoded.
    #[must_use]
    #[track_caller]
    pub fn with_context_value<T: ContextValue>(self, value: T) -> Self {
        match to_context(&value) {
            Ok(value) => self.with_value(T::KEY, value),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// The context with another correlation id.
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<Arc<str>>) -> Self {
        self.change(|job| job.header.correlation_id = id.into())
    }

    /// The context with a caller.
    #[must_use]
    pub fn with_caller(self, caller: impl Into<Arc<str>>) -> Self {
        self.change(|job| job.header.caller = Some(caller.into()))
    }

    /// The context with a client for chained calls.
    #[must_use]
    pub fn with_client(self, client: &Client) -> Self {
        self.change(|job| job.client = client.clone())
    }

    /// The context of an action of this server, whose other actions [`call_local`](Self::call_local) then reaches.
    #[must_use]
    pub fn with_server(self, server: impl Into<LocalServer>) -> Self {
        let LocalServer { service, siblings } = server.into();
        self.change(|job| {
            job.service = service;
            job.server = Some(siblings);
        })
    }

    /// The context of an action that has so much time left.
    #[must_use]
    pub fn with_time_left(self, time: Duration) -> Self {
        self.within(time)
    }

    /// The context with a value for [`Context::extension`].
    #[must_use]
    pub fn with_extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// The context of an action whose clock stands still.
    #[must_use]
    pub fn with_now(self, now: UtcDateTime) -> Self {
        self.with_extension(Frozen(now))
    }

    fn change(mut self, change: impl FnOnce(&mut JobState)) -> Self {
        change(Arc::make_mut(&mut self.job));
        self
    }

    /// The name of the action that runs.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The name under which the service runs.
    pub fn service(&self) -> &str {
        &self.job.service
    }

    /// The active switches.
    pub fn switches(&self) -> &SwitchSet {
        &self.job.header.switches
    }

    /// Whether this switch is on.
    pub fn is_active(&self, switch: impl Into<Switch>) -> bool {
        self.job.header.switches.is_active(switch)
    }

    /// Ties together all that one event set off, across services.
    pub fn correlation_id(&self) -> &str {
        &self.job.header.correlation_id
    }

    /// Who calls, in the caller's own words.
    pub fn caller(&self) -> Option<&str> {
        self.job.header.caller.as_deref()
    }

    /// The place of this action in a trace: that of its span where it has one, and otherwise what came with the job.
    pub fn trace_parent(&self) -> Option<TraceParent> {
        self.place
    }

    /// The service that calls, where a service does.
    pub fn calling_service(&self) -> Option<&str> {
        self.job.header.calling_service.as_deref()
    }

    /// A value that a caller put into the context (not one of the framework's own keys).
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.job.header.extra.get(key)
    }

    /// The context header as it was received.
    pub fn header(&self) -> &ContextHeader {
        &self.job.header
    }

    /// The control header as it was received.
    pub fn control(&self) -> &Control {
        &self.job.control
    }

    /// What time it is. A handler that asks here, and not the system, can be tested at any time: with
    /// [`with_now`](Self::with_now), or by the `freeze time` of a test plan.
    pub fn now(&self) -> UtcDateTime {
        match self.extensions.get::<Frozen>() {
            Some(Frozen(now)) => *now,
            None => UtcDateTime::now(),
        }
    }

    /// The value of this type that a caller put into the context; `None` where there is none. See [`ContextValue`].
    ///
    /// # Errors
    /// What the caller put under the key of the type is not of the type: `INVALID`, the caller's fault, at
    /// `context.KEY`.
    pub fn get<T: ContextValue>(&self) -> Result<Option<T>, ActionError> {
        self.job.header.get().map_err(|error| {
            let key = T::KEY;
            let message = format!("The context's `{key}` cannot be read: {error}");
            ActionError::caller(code::INVALID, message).field(format!("context.{key}"))
        })
    }

    /// What middleware left for this type. It does not travel: see [`get`](Self::get) for what callers send.
    pub fn extension<T: 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }

    /// Who calls, where middleware has found out: see [`Authentication`](crate::middleware::Authentication).
    pub fn identity(&self) -> Option<&Identity> {
        self.extensions.get()
    }

    /// For middleware: leaves a value for handlers.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// When the action has to be done. Then it is given up, its future dropped where it waits, and the caller is
    /// told `ACTION_TIMEOUT`. `None` where nobody has set a limit.
    ///
    /// It is the earlier of what the caller waits (its timeout, counted from when the request was received) and what
    /// the server allows. Chained calls know it: they get no longer than what is left.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How long it is to the [`deadline`](Self::deadline).
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether nobody waits for this job any more: its deadline has passed, its caller in the same process has
    /// given up, or the server stops. A handler that works without waiting, or on another thread, may look at it.
    pub fn is_cancelled(&self) -> bool {
        self.is_late() || self.job.lifetime.is_over()
    }

    /// Returns when nobody waits for this job any more, see [`is_cancelled`](Self::is_cancelled). It is for tasks
    /// that a handler has started; the handler itself is given up, except when its caller has gone: a started job is
    /// finished.
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

    /// Whether the action has been answered without its handler.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_late() || self.job.lifetime.is_cut() || self.job.lifetime.is_out_of_time()
    }

    /// Notes a handler that blocks a thread of its own, for the end of its server.
    pub(crate) fn blocking(&self) -> Option<Blocking> {
        let server = self.job.server.as_ref();
        server.map(|server| server.blocking())
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The client for chained calls. It passes this whole context on (correlation id, switches and all)
    /// and says which service calls; nobody has to do that by hand.
    pub fn soa_client(&self) -> Client {
        let mut header = self.job.header.clone();
        header.calling_service = Some(Arc::from(&*self.job.service));
        header.trace_parent = self.place;
        let client = self.job.client.inheriting(header).until(self.deadline);
        let client = match &self.job.hook {
            Some(hook) => hook(client, &self.job.header),
            None => client,
        };
        match self.extensions.get::<ClientLayer>() {
            Some(ClientLayer(layer)) => layer(client),
            None => client,
        }
    }

    /// A typed client for a chained call, for the service's own name.
    ///
    /// For a service under another name: `OtherClient::named(&cx.soa_client(), "other2")`.
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
