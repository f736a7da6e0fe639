//! What a handler sees of the job that it runs in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Client, ClientBuilder, TypedClient};
use crate::codec::Value;
use crate::extensions::Extensions;
use crate::lifetime::Lifetime;
use crate::message::{ContextHeader, Control, Name, Switch, SwitchSet, TraceParent};

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
}

/// What all actions of a job share.
#[derive(Clone)]
pub(crate) struct JobState {
    pub(crate) service: Name,
    pub(crate) header: ContextHeader,
    pub(crate) control: Control,
    pub(crate) client: Client,
    pub(crate) hook: Option<ClientHook>,
    pub(crate) lifetime: Arc<Lifetime>,
}

/// Sees every client that a server makes for a handler.
pub(crate) type ClientHook = Arc<dyn Fn(Client, &ContextHeader) -> Client + Send + Sync>;

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

    /// The context of an action that has so much time left.
    #[must_use]
    pub fn with_time_left(self, time: Duration) -> Self {
        self.within(time)
    }

    /// The context with a value for [`Context::get`].
    #[must_use]
    pub fn with_extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
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

    /// What middleware left for this type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
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
        match &self.job.hook {
            Some(hook) => hook(client, &self.job.header),
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
