//! Putting a server together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::variants::Variants;
use super::{Actions, Handler, Registered, Server, Shared, Stats};
use crate::action::Action;
use crate::builtin::{self, Offer};
use crate::client::{Client, ClientBuilder};
use crate::codec::Value;
use crate::context::{ClientHook, Context};
use crate::error::{BuildError, IntoActionError};
use crate::health::HealthCheck;
use crate::message::{ContextHeader, Name};
use crate::middleware::{ActionStage, JobStage, Middleware, StackBuilder};
use crate::observe::meter::{ActionMeters, ServerMeters};
use crate::serializer::{Serializer, Serializers};
use crate::service::{ActionCall, ActionFuture, Service, run};

/// How many jobs a server runs at once by default.
///
/// Handlers that wait (for a database, for another service) cost next to nothing, so this is a bound on
/// memory and not on processor time.
const DEFAULT_CONCURRENCY: usize = 256;

/// Puts a [`Server`] together.
pub struct ServerBuilder {
    name: Name,
    version: Name,
    actions: Actions,
    offer: Offer,
    problem: Option<BuildError>,
    job_middleware: StackBuilder<JobStage>,
    action_middleware: StackBuilder<ActionStage>,
    client: Client,
    client_hook: Option<ClientHook>,
    serializers: Serializers,
    tells_tracebacks: bool,
    concurrency: usize,
    job_timeout: Option<Duration>,
    honors_caller_timeouts: bool,
    health_checks: Vec<HealthCheck>,
}

impl ServerBuilder {
    pub(super) fn new(name: Name, version: Name) -> Self {
        Self {
            name,
            version,
            actions: Actions::default(),
            offer: Offer::default(),
            problem: None,
            job_middleware: StackBuilder::new(),
            action_middleware: StackBuilder::new(),
            client: ClientBuilder::default().finish(),
            client_hook: None,
            serializers: Serializers::default(),
            tells_tracebacks: false,
            concurrency: DEFAULT_CONCURRENCY,
            job_timeout: None,
            honors_caller_timeouts: true,
            health_checks: Vec::new(),
        }
    }

    pub(super) fn of<S: Service>(service: S) -> Self {
        let descriptor = S::DESCRIPTOR;
        let mut builder = Self::new(descriptor.name().into(), descriptor.version().into());
        let service = Arc::new(service);
        let mut families: BTreeMap<&str, Variants> = BTreeMap::new();
        for action in S::ACTIONS {
            let handler = Arc::new(Typed {
                service: Arc::clone(&service),
                run: action.run,
            });
            let Some(variant) = action.variant else {
                builder.insert(action.name.into(), handler);
                continue;
            };
            let family = families.entry(action.name).or_default();
            family.add(variant.switch, handler);
        }
        for (name, family) in families {
            builder.insert(name.into(), Arc::new(family));
        }
        builder.offer.documentation = descriptor.documentation();
        for action in descriptor.actions() {
            builder.offer.insert(action);
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
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Registers an action by name, with untyped bodies. It answers whatever map the handler returns.
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
    #[must_use]
    pub fn job_middleware(mut self, middleware: impl Middleware<JobStage>) -> Self {
        self.job_middleware.push(middleware);
        self
    }

    /// Adds middleware around every action; the first one added is the outermost.
    #[must_use]
    pub fn action_middleware(mut self, middleware: impl Middleware<ActionStage>) -> Self {
        self.action_middleware.push(middleware);
        self
    }

    /// The client with which handlers call other services.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// Sees, and may replace, every client that the server makes for a handler.
    #[must_use]
    pub fn client_hook<F>(mut self, hook: F) -> Self
    where
        F: Fn(Client, &ContextHeader) -> Client + Send + Sync + 'static,
    {
        self.client_hook = Some(Arc::new(hook));
        self
    }

    /// Registers a serializer of your own for its content type.
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializers = self.serializers.with(serializer);
        self
    }

    /// Whether errors tell callers their internal detail in `traceback`, as the reference does. Off by
    /// default: it is in the log anyway.
    #[must_use]
    pub fn tracebacks(mut self, tell: bool) -> Self {
        self.tells_tracebacks = tell;
        self
    }

    /// How many jobs [`Server::run`] runs at once: 256 by default, at least 1, at most 2²⁸.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.clamp(1, 1 << 28);
        self
    }

    /// Adds a health check: `status` runs it.
    #[must_use]
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.health_checks.push(check);
        self
    }

    /// How long a job may run at most, whatever its caller waits; by default as long as it likes.
    ///
    /// An action that is not done by then is given up: its future is dropped where it waits. The caller is told
    /// `ACTION_TIMEOUT`.
    #[must_use]
    pub fn job_timeout(mut self, timeout: Duration) -> Self {
        self.job_timeout = Some(timeout);
        self
    }

    /// Whether a job is given up when its caller waits no longer (the `timeout` of its control header), counted
    /// from when it was received. On by default. The reference does not look at it, so turn this off while callers
    /// give timeouts that they do not mean.
    #[must_use]
    pub fn honors_caller_timeouts(mut self, honors: bool) -> Self {
        self.honors_caller_timeouts = honors;
        self
    }

    /// Makes the server.
    ///
    /// # Errors
    /// Two actions of one name; an action whose request or response is not a map; a name or a content type
    /// that cannot travel.
    pub fn build(mut self) -> Result<Server, BuildError> {
        if self.name.is_empty() {
            self.fail("a service needs a name");
        }
        let names = self.actions.keys().chain([&self.name]);
        let unusable = names.filter(|name| !is_wire_name(name)).min().cloned();
        if let Some(name) = unusable {
            let rule = "names begin with a letter and go on with letters, digits, `_`, `-` and `.`";
            self.fail(format!("`{name}` is no name: {rule}"));
        }
        if let Some(content_type) = self.serializers.unusable() {
            self.fail(format!(
                "`{content_type}` is no content type: it has letters, digits, `_`, `/`, `.` and `-` only"
            ));
        }
        if !self.health_checks.is_empty() && self.actions.contains_key("status") {
            self.fail("the health checks would never run: the service has its own action `status`");
        }
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        self.offer.version = self.version.clone();
        self.actions
            .extend(builtin::actions(self.offer, self.health_checks));
        let name = &self.name;
        let registered = self.actions.into_iter().map(|(action, handler)| {
            let meters = ActionMeters::new(name, &action);
            (action, Registered { handler, meters })
        });
        Ok(Server {
            shared: Arc::new(Shared {
                actions: registered.collect(),
                meters: ServerMeters::new(name),
                name: self.name,
                version: self.version,
                job_middleware: self.job_middleware.build(),
                action_middleware: self.action_middleware.build(),
                client: self.client,
                client_hook: self.client_hook,
                serializers: self.serializers,
                tells_tracebacks: self.tells_tracebacks,
                concurrency: self.concurrency,
                job_timeout: self.job_timeout,
                honors_caller_timeouts: self.honors_caller_timeouts,
                stats: Stats::default(),
            }),
        })
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

/// The same rule as the macros have.
pub(crate) fn is_wire_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
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

/// What can be served: a service, or a server that was put together before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(name = \"…\", version = \"…\")]` on its `impl` block, or `#[service]` on its `impl` of a contract"
)]
pub trait IntoServer {
    /// The server.
    ///
    /// # Errors
    /// See [`ServerBuilder::build`].
    fn into_server(self) -> Result<Server, BuildError>;
}

impl<S: Service> IntoServer for S {
    fn into_server(self) -> Result<Server, BuildError> {
        Server::builder(self).build()
    }
}

impl IntoServer for Server {
    fn into_server(self) -> Result<Server, BuildError> {
        Ok(self)
    }
}

impl IntoServer for ServerBuilder {
    fn into_server(self) -> Result<Server, BuildError> {
        self.build()
    }
}

struct Typed<S> {
    service: Arc<S>,
    run: fn(Arc<S>, ActionCall) -> ActionFuture,
}

impl<S: Service> Handler for Typed<S> {
    fn call(&self, call: ActionCall) -> ActionFuture {
        (self.run)(Arc::clone(&self.service), call)
    }
}

struct Untyped<F>(Arc<F>);

impl<F, Fut, E> Handler for Untyped<F>
where
    F: Fn(Value, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, E>> + Send + 'static,
    E: IntoActionError + 'static,
{
    fn call(&self, call: ActionCall) -> ActionFuture {
        let handler = Arc::clone(&self.0);
        run(Action::<Value, Value>::new(""), call, move |body, cx| {
            handler(body, cx)
        })
    }
}
