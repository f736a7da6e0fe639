//! The builder of servers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustc_hash::FxHashMap;
use soa_wire::Extensions;
use soa_wire::serializer::{Serializer, Serializers};

use super::age::{Search, UsualTime};
use super::delivery::CRASH_LIMIT;
use super::handle::{Registered, Server, ServerShared};
use super::handler::{Guarded, Idempotent, Typed, Untyped};
use super::hooks::Hooks;
use super::sampler::Sampler;
use super::stats::Stats;
use super::tally::{ActionTally, Flights};
use super::variants::Variants;
use super::wire_name::is_wire_name;
use crate::builtin::{self, Offer};
use crate::client::{Client, ClientBuilder, Places};
use crate::codec::Value;
use crate::context::{ActionStage, ClientHook, Context};
use crate::error::{BuildError, IntoActionError};
use crate::exchange::JobStage;
use crate::health::{Checks, HealthCheck};
use crate::loss::Losses;
use crate::message::{ContextHeader, Name};
use crate::observe::meter::{ActionMeters, ServerMeters};
use crate::service::{Handler, Service};
use crate::stack::{Middleware, StackBuilder};
use crate::transport::Delivery;

/// The default of the maximum number of jobs that a server runs at once.
///
/// Handlers that wait (for a database, for another service) cost next to nothing, so this is a bound on
/// memory and not on processor time.
const DEFAULT_CONCURRENCY: usize = 256;

/// The default of the maximum number of actions in one job. A request of the usual maximum size has room for a third of
/// them.
const DEFAULT_MAX_ACTIONS: usize = 10_000;

/// The registry. Its keys are chosen by the service itself, so the hash need not resist attacks.
type Actions = FxHashMap<Name, Arc<dyn Handler>>;

/// Builds a [`Server`].
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::middleware::Logging;
/// use soa::{ActionError, Context, Server, Value};
///
/// let server = Server::untyped("tools", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
///     .job_middleware(Logging::new())
///     .concurrency(64)
///     .job_timeout(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(server.concurrency(), 64);
/// # Ok::<(), soa::BuildError>(())
/// ```
pub struct ServerBuilder {
    name: Name,
    version: Name,
    build_id: Option<Name>,
    actions: Actions,
    offer: Offer,
    problem: Option<BuildError>,
    job_middleware: StackBuilder<JobStage>,
    action_middleware: StackBuilder<ActionStage>,
    client: Client,
    client_hook: Option<ClientHook>,
    serializers: Serializers,
    sends_tracebacks: bool,
    tells_internal_errors: Option<bool>,
    pub(super) concurrency: usize,
    tells_records: bool,
    pub(super) max_actions: usize,
    pub(super) job_timeout: Option<Duration>,
    pub(super) honors_caller_timeouts: bool,
    health_checks: Vec<HealthCheck>,
    pub(super) hooks: Hooks<Server>,
    /// The permissions that the builder has named, by action.
    required: BTreeMap<Name, Vec<String>>,
    /// The actions that the builder has declared idempotent.
    idempotent: Vec<Name>,
    delivery: Delivery,
    crash_limit: u8,
    /// An action that declares permissions, and one of them.
    declares: Option<(&'static str, &'static str)>,
}

impl Server {
    /// Returns a builder of a server for a service, with everything at its default.
    pub fn builder<S: Service>(service: S) -> ServerBuilder {
        ServerBuilder::of(service)
    }

    /// Returns a builder of a server whose actions are all registered by name.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// assert_eq!((server.name(), server.version()), ("tools", "1.0.0"));
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn untyped(name: impl Into<Name>, version: impl Into<Name>) -> ServerBuilder {
        ServerBuilder::new(name.into(), version.into())
    }
}

impl ServerBuilder {
    fn new(name: Name, version: Name) -> Self {
        Self {
            name,
            version,
            build_id: None,
            actions: Actions::default(),
            offer: Offer::default(),
            problem: None,
            job_middleware: StackBuilder::new(),
            action_middleware: StackBuilder::new(),
            client: ClientBuilder::default().finish(),
            client_hook: None,
            serializers: Serializers::default(),
            sends_tracebacks: false,
            tells_internal_errors: None,
            concurrency: DEFAULT_CONCURRENCY,
            tells_records: false,
            max_actions: DEFAULT_MAX_ACTIONS,
            job_timeout: None,
            honors_caller_timeouts: true,
            health_checks: Vec::new(),
            hooks: Hooks::default(),
            required: BTreeMap::new(),
            idempotent: Vec::new(),
            delivery: Delivery::Auto,
            crash_limit: CRASH_LIMIT,
            declares: None,
        }
    }

    fn of<S: Service>(service: S) -> Self {
        let descriptor = S::DESCRIPTOR;
        let name = Name::from_static(descriptor.name());
        let mut builder = Self::new(name, Name::from_static(descriptor.version()));
        builder.build_id = S::BUILD.map(Name::from_static);
        let service = Arc::new(service);
        let mut families: BTreeMap<&str, Variants> = BTreeMap::new();
        for action in S::ACTIONS {
            let handler = Arc::new(Typed {
                service: Arc::clone(&service),
                run: action.run,
                declared: action.declared,
                timeout: action.timeout,
                request_schema: action.request_schema,
                branches: OnceLock::new(),
            });
            let Some(variant) = action.variant else {
                builder.insert(Name::from_static(action.name), handler);
                continue;
            };
            let family = families.entry(action.name).or_default();
            family.add(variant.switch, handler);
        }
        for (name, family) in families {
            builder.insert(Name::from_static(name), Arc::new(family));
        }
        let checks = S::HEALTH_CHECKS.iter();
        builder.health_checks = checks.map(|check| check.of(&service)).collect();
        builder.offer.documentation = descriptor.documentation();
        builder.offer.descriptor = Some(descriptor);
        builder.offer.calls = descriptor.calls();
        for action in descriptor.actions() {
            builder.offer.insert(action);
            let required = action.declared().required_permissions().first();
            let declares = required.map(|permission| (action.name(), *permission));
            builder.declares = builder.declares.or(declares);
            for (side, schema) in [
                ("request", action.request_schema()),
                ("response", action.response_schema()),
            ] {
                if !schema.describes_a_map() {
                    builder.fail(format!(
                        "the {side} type of action `{}` is not a map; bodies are structs, maps, \
                         `Value`, or `()`",
                        action.shown_name()
                    ));
                }
            }
        }
        builder
    }

    /// Serves under another name than the service's own.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0").name("tools-staging").build()?;
    /// assert_eq!(server.name(), "tools-staging");
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the build that `status` reports: a commit, the number of a pipeline. The default is the value of the
    /// variable `SOA_BUILD` when the service's crate was compiled. An empty text means no build.
    #[must_use]
    pub fn build_id(mut self, build: impl Into<Name>) -> Self {
        self.build_id = Some(build.into());
        self
    }

    /// Registers an action by name, with untyped bodies. The response is the map that the handler returns.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context, Server, Value};
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
    ///     .build()?;
    /// assert_eq!(server.action_names(), ["echo", "introspect", "status"]);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn action<F, Fut, E>(mut self, name: impl Into<Name>, handler: F) -> Self
    where
        F: Fn(Value, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, E>> + Send + 'static,
        E: IntoActionError + 'static,
    {
        let name = name.into();
        self.offer.insert_untyped(name.clone());
        self.insert(name, Arc::new(Untyped(Arc::new(handler))));
        self
    }

    /// Adds middleware around every job; the first one added is the outermost.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::middleware::{Identity, Logging};
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .job_middleware(Logging::new())
    ///     .job_middleware(Identity::new("nightly"))
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn job_middleware(mut self, middleware: impl Middleware<JobStage>) -> Self {
        self.job_middleware.push(middleware);
        self
    }

    /// Adds middleware around every action; the first one added is the outermost.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::{ActionStage, Next, from_fn};
    /// use soa::{ActionCall, ActionError, Server};
    ///
    /// let read_only = from_fn(|call: ActionCall, next: Next<ActionStage>| async move {
    ///     if call.action.starts_with("delete_") {
    ///         return Err(ActionError::caller("READ_ONLY", "Nothing can be deleted now"));
    ///     }
    ///     next.run(call).await
    /// });
    /// let server = Server::untyped("tools", "1.0.0").action_middleware(read_only).build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn action_middleware(mut self, middleware: impl Middleware<ActionStage>) -> Self {
        self.action_middleware.push(middleware);
        self
    }

    /// Requires these permissions of the callers of this action, besides those that it declares itself: for actions
    /// that are registered by name, for `introspect` and `status`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::middleware::Identity;
    ///
    /// // In production, `Authentication` finds the identity of the caller.
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .job_middleware(Identity::new("monitor").with_permissions(["tools.inspect"]))
    ///     .require("introspect", ["tools.inspect"])
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn require<P: Into<String>>(
        mut self,
        action: impl Into<Name>,
        permissions: impl IntoIterator<Item = P>,
    ) -> Self {
        let required = self.required.entry(action.into()).or_default();
        required.extend(permissions.into_iter().map(Into::into));
        self
    }

    /// Declares that an action may run more than once for one call, as `#[action(idempotent)]` does: for actions that are
    /// registered by name. A job that consists of such actions survives the process that runs it, with a transport that
    /// holds requests.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context, Server, Value};
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
    ///     .idempotent("echo")
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn idempotent(mut self, action: impl Into<Name>) -> Self {
        self.idempotent.push(action.into());
        self
    }

    /// Sets how often requests are delivered if the process that runs them crashes. The default holds requests if the
    /// service has idempotent actions, where the transport can.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::transport::Delivery;
    ///
    /// let server = Server::untyped("tools", "1.0.0").delivery(Delivery::AtMostOnce).build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sets the number of processes that a job may end before it is not run again, and is a dead letter; 3 by default.
    /// `#[action(crash_limit = …)]` goes first. A job of several actions has the least of their limits.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0").crash_limit(1).build()?;
    /// assert!(Server::untyped("tools", "1.0.0").crash_limit(0).build().is_err());
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn crash_limit(mut self, crashes: u8) -> Self {
        self.crash_limit = crashes;
        self
    }

    /// Adds the middleware that the function adds, around all that is there.
    #[doc(hidden)]
    pub fn with_outer_middleware(
        mut self,
        add: impl FnOnce(Self) -> Result<Self, BuildError>,
    ) -> Result<Self, BuildError> {
        self.job_middleware.begin_outer();
        self.action_middleware.begin_outer();
        let mut changed = add(self)?;
        changed.job_middleware.end_outer();
        changed.action_middleware.end_outer();
        Ok(changed)
    }

    /// Sets the client with which handlers call other services.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Client, Context, LocalTransport, Server, Value};
    ///
    /// let users = Server::untyped("users", "1.0.0").build()?;
    /// let client = Client::builder().service("users", LocalTransport::new(users)).build()?;
    /// let server = Server::untyped("posts", "1.0.0")
    ///     .action("check", |_: Value, cx: Context| async move {
    ///         let status = cx.soa_client().call_action("users", "status", &()).await?;
    ///         Ok::<_, ActionError>(status)
    ///     })
    ///     .client(client)
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// Sets a function that sees, and may replace, every client that the server makes for a handler.
    #[must_use]
    pub fn client_hook<F>(mut self, hook: F) -> Self
    where
        F: Fn(Client, &ContextHeader) -> Client + Send + Sync + 'static,
    {
        self.client_hook = Some(Arc::new(hook));
        self
    }

    /// Registers a custom serializer for its content type.
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializers = self.serializers.with(serializer);
        self
    }

    /// Sends the internal detail of errors to callers as `traceback`, as the reference does. Off by default: the detail
    /// is in the log anyway.
    #[must_use]
    pub fn tracebacks(mut self, tell: bool) -> Self {
        self.sends_tracebacks = tell;
        self
    }

    /// Tells callers the texts of panics, of [`ActionError::internal`](crate::ActionError::internal) and of responses that
    /// break their own rules, as the reference does. Off by default: callers get an id, and the log has the text under the
    /// same `error_id`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Client, Context, LocalTransport, Server, Value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .action("read", |_: Value, _: Context| async {
    ///         Err::<Value, _>(ActionError::internal("permission denied: /etc/shadow"))
    ///     })
    ///     .build()?;
    /// let client = Client::builder().service("tools", LocalTransport::new(server)).build()?;
    /// let error = client.call_action("tools", "read", &()).await.unwrap_err();
    /// assert!(error.errors()[0].message.starts_with("Internal server error: the details are in the log"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tell_internal_errors(mut self, tell: bool) -> Self {
        self.tells_internal_errors = Some(tell);
        self
    }

    /// Tells a record of this server to its transport every two seconds, if the transport keeps records: off by default, and
    /// on in programs that `soa::main` runs.
    ///
    /// Over Redis, the record is a key below `{pysoa:service.NAME}.worker.` that expires ten seconds after the last one. It
    /// has the version, the machine and the process, what was called by whom and how long it took, and the oldest jobs in
    /// flight. The program `soa` shows it. Such a server also stops taking requests while it is paused by that program.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0").records(true).build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn records(mut self, tell: bool) -> Self {
        self.tells_records = tell;
        self
    }

    /// Adds a health check after those of the service: `status` runs it.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::health::{Health, HealthCheck};
    /// use soa::{Context, Server};
    ///
    /// let disk = HealthCheck::new("disk", |_cx: Context| async {
    ///     match std::fs::metadata("/var/spool") {
    ///         Ok(_) => Health::ok(),
    ///         Err(error) => Health::error("NO_SPOOL", error.to_string()),
    ///     }
    /// });
    /// let server = Server::untyped("archive", "1.0.0")
    ///     .health_check(disk)
    ///     .health_check(HealthCheck::called_services())
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.health_checks.push(check);
        self
    }

    /// Builds the server.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context, Server, Value};
    ///
    /// let echo = |body: Value, _: Context| async { Ok::<_, ActionError>(body) };
    /// let twice = Server::untyped("tools", "1.0.0").action("echo", echo).action("echo", echo);
    /// assert_eq!(twice.build().unwrap_err().to_string(), "action `echo` is registered twice");
    /// ```
    ///
    /// # Errors
    /// Two actions have the same name; the request or response of an action is not a map; a name or a content type has
    /// characters that cannot travel; an action requires permissions, and no middleware authenticates callers; the limit of
    /// crashes is 0.
    pub fn build(mut self) -> Result<Server, BuildError> {
        if self.name.is_empty() {
            self.fail("a service needs a name");
        }
        let names = self.actions.keys().chain([&self.name]);
        let unusable = names.filter(|name| !is_wire_name(name)).min().cloned();
        if let Some(name) = unusable {
            let rule = "a name is a letter followed by letters, digits, `_`, `-` and `.`";
            self.fail(format!("invalid name `{name}`: {rule}"));
        }
        if let Some(content_type) = self.serializers.unusable() {
            self.fail(format!(
                "invalid content type `{content_type}`: it may have letters, digits, `_`, `/`, `.` and `-` only"
            ));
        }
        if self.crash_limit == 0 {
            self.fail("`crash_limit` must be from 1 to 255, and is 0");
        }
        self.require_authentication();
        self.offer.version = self.version.clone();
        self.offer.build_id = self.build_id.take().filter(|build| !build.is_empty());
        self.offer.required = self.required.clone();
        let checks = Arc::new(Checks::new(std::mem::take(&mut self.health_checks)));
        self.declare_idempotent();
        let may_run_again = self
            .actions
            .values()
            .any(|handler| handler.may_be_idempotent());
        let (builtin, offer) =
            builtin::actions(std::mem::take(&mut self.offer), Arc::clone(&checks));
        for (action, handler) in builtin {
            self.actions.entry(action).or_insert(handler);
        }
        self.guard();
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut extensions = Extensions::new();
        extensions.insert(checks);
        let name = &self.name;
        let tells = self.tells_records;
        let actions = self.actions.into_iter().enumerate();
        let registered = actions.map(|(index, (action, handler))| {
            let meters = ActionMeters::new(name, &action);
            let usual = UsualTime::default();
            let registered = Registered {
                handler,
                meters,
                usual,
                tally: tells.then(|| ActionTally::new(index)),
            };
            (action, registered)
        });
        Ok(Server {
            shared: Arc::new(ServerShared {
                actions: registered.collect(),
                offer,
                meters: ServerMeters::new(name),
                losses: Losses::new(name),
                search: Search::default(),
                flights: tells.then(|| Flights::new(self.concurrency)),
                sampler: Sampler::default(),
                places: Arc::new(Places::new(name.clone(), self.concurrency)),
                max_actions: self.max_actions,
                extensions,
                name: self.name,
                version: self.version,
                job_middleware: self.job_middleware.build(),
                action_middleware: self.action_middleware.build(),
                client: self.client,
                client_of_component: OnceLock::new(),
                client_hook: self.client_hook,
                serializers: self.serializers,
                sends_tracebacks: self.sends_tracebacks,
                tells_internal_errors: self
                    .tells_internal_errors
                    .map_or_else(OnceLock::new, Into::into),
                concurrency: self.concurrency,
                job_timeout: self.job_timeout,
                honors_caller_timeouts: self.honors_caller_timeouts,
                hooks: self.hooks,
                stats: Stats::default(),
                delivery: self.delivery,
                crash_limit: self.crash_limit,
                may_run_again,
            }),
        })
    }

    /// Checks that callers are authenticated if an action requires permissions: otherwise it would refuse every call.
    fn require_authentication(&mut self) {
        let authenticates =
            self.job_middleware.authenticates() || self.action_middleware.authenticates();
        let of_builder = self.required.iter().find_map(|(action, required)| {
            let permission = required.first()?;
            Some((action.to_string(), permission.clone()))
        });
        let declared = self.declares.map(|(a, p)| (a.to_owned(), p.to_owned()));
        if let Some((action, permission)) = declared.or(of_builder)
            && !authenticates
        {
            self.fail(format!(
                "action `{action}` requires `{permission}`, but no middleware authenticates callers: add \
                 `.job_middleware(Authentication::new(…))`"
            ));
        }
    }

    /// Wraps the actions that the builder has declared idempotent.
    fn declare_idempotent(&mut self) {
        for action in std::mem::take(&mut self.idempotent) {
            match self.actions.remove(&action) {
                Some(handler) => {
                    let handler: Arc<dyn Handler> = Arc::new(Idempotent(handler));
                    self.actions.insert(action, handler);
                }
                None => self.fail(format!(
                    "`{action}` is declared idempotent, but the service has no such action"
                )),
            }
        }
    }

    /// Wraps the actions for which the builder requires permissions.
    fn guard(&mut self) {
        for (action, required) in std::mem::take(&mut self.required) {
            match self.actions.remove(&action) {
                Some(handler) => {
                    let guarded = Guarded { handler, required };
                    self.actions.insert(action, Arc::new(guarded));
                }
                None => self.fail(format!(
                    "permissions are required for `{action}`, but the service has no such action"
                )),
            }
        }
    }

    pub(crate) fn insert(&mut self, name: Name, handler: Arc<dyn Handler>) {
        if self.actions.contains_key(&name) {
            self.fail(format!("action `{name}` is registered twice"));
        }
        self.actions.insert(name, handler);
    }

    /// Keeps the first problem; the others often follow from it.
    fn fail(&mut self, message: impl Into<String>) {
        self.problem.get_or_insert_with(|| BuildError::new(message));
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut actions: Vec<_> = self.actions.keys().collect();
        actions.sort();
        f.debug_struct("ServerBuilder")
            .field("name", &self.name)
            .field("actions", &actions)
            .finish_non_exhaustive()
    }
}
