//! Putting a server together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::hooks::Hooks;
use super::variants::Variants;
use super::{Actions, Registered, Server, Shared, Stats};
use crate::action::Action;
use crate::builtin::{self, Offer};
use crate::client::{Client, ClientBuilder};
use crate::codec::Value;
use crate::context::{ActionCall, ActionFuture, ActionStage, ClientHook, Context};
use crate::error::{BuildError, IntoActionError};
use crate::exchange::JobStage;
use crate::health::HealthCheck;
use crate::message::{ContextHeader, Name};
use crate::observe::meter::{ActionMeters, ServerMeters};
use crate::service::{Handler, Service, run};
use crate::stack::{Middleware, StackBuilder};
use soa_wire::declared::Declared;
use soa_wire::serializer::{Serializer, Serializers};

/// How many jobs a server runs at once by default.
///
/// Handlers that wait (for a database, for another service) cost next to nothing, so this is a bound on
/// memory and not on processor time.
const DEFAULT_CONCURRENCY: usize = 256;

/// Puts a [`Server`] together.
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
    tells_tracebacks: bool,
    concurrency: usize,
    job_timeout: Option<Duration>,
    honors_caller_timeouts: bool,
    health_checks: Vec<HealthCheck>,
    hooks: Hooks,
    /// The permissions that the builder has named, by action.
    required: BTreeMap<Name, Vec<String>>,
    /// An action that declares permissions, and one of them.
    declares: Option<(&'static str, &'static str)>,
}

impl ServerBuilder {
    pub(super) fn new(name: Name, version: Name) -> Self {
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
            tells_tracebacks: false,
            concurrency: DEFAULT_CONCURRENCY,
            job_timeout: None,
            honors_caller_timeouts: true,
            health_checks: Vec::new(),
            hooks: Hooks::default(),
            required: BTreeMap::new(),
            declares: None,
        }
    }

    pub(super) fn of<S: Service>(service: S) -> Self {
        let descriptor = S::DESCRIPTOR;
        let mut builder = Self::new(descriptor.name().into(), descriptor.version().into());
        builder.build_id = S::BUILD.map(Name::from);
        let service = Arc::new(service);
        let mut families: BTreeMap<&str, Variants> = BTreeMap::new();
        for action in S::ACTIONS {
            let handler = Arc::new(Typed {
                service: Arc::clone(&service),
                run: action.run,
                declared: action.declared,
                timeout: action.timeout,
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
        let checks = S::HEALTH_CHECKS.iter();
        builder.health_checks = checks.map(|check| check.of(&service)).collect();
        builder.offer.documentation = descriptor.documentation();
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
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Tells `status` what the service was built as: a commit, the number of a pipeline. By default it is what the variable
    /// `SOA_BUILD` said when the service's crate was compiled. An empty text is none.
    #[must_use]
    pub fn build_id(mut self, build: impl Into<Name>) -> Self {
        self.build_id = Some(build.into());
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

    /// Requires these permissions of whoever calls this action, besides those that it declares itself: for actions that
    /// are registered by name, for `introspect` and `status`.
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

    /// Adds what the function adds around everything that is there.
    #[doc(hidden)]
    pub fn outside(
        mut self,
        add: impl FnOnce(Self) -> Result<Self, BuildError>,
    ) -> Result<Self, BuildError> {
        self.job_middleware.begin_outside();
        self.action_middleware.begin_outside();
        let mut changed = add(self)?;
        changed.job_middleware.end_outside();
        changed.action_middleware.end_outside();
        Ok(changed)
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

    /// Adds a health check behind those of the service: `status` runs it.
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

    /// Awaits this before the first request is taken: the place to fill caches. Several run one after another. One that
    /// fails or panics ends [`Server::run`] with its error, and then no teardown hook runs.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    ///
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .on_startup(|_| async {
    ///         std::fs::read_dir("/etc")?;
    ///         Ok(())
    ///     })
    ///     .on_idle(Duration::from_secs(5), |_| async { println!("nothing to do") })
    ///     .on_teardown(|server| async move { println!("{} jobs", server.stats().jobs()) })
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn on_startup<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        self.hooks.on_startup(hook);
        self
    }

    /// Calls this once for each run, when the transport waits for requests: the place to say so. It has to be quick.
    #[must_use]
    pub fn on_ready(mut self, hook: impl Fn(&Server) + Send + Sync + 'static) -> Self {
        self.hooks.on_ready(hook);
        self
    }

    /// Calls this when the transport waits for requests, and then each time that so much has passed, until the end. It
    /// is the run loop that calls, so a handler that blocks its thread ends the calls: they are a sign of life. It has
    /// to be quick. The shortest time is 10 ms.
    #[must_use]
    pub fn on_beat(
        mut self,
        every: Duration,
        hook: impl Fn(&Server) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.on_beat(every, hook);
        self
    }

    /// Runs this each time that the server looks and has started no job since it looked last, which was `after` before
    /// (at least 10 ms). It runs beside requests that come meanwhile, never twice at once, and is given up where it
    /// waits when the server has stopped. A panic is logged.
    #[must_use]
    pub fn on_idle<F, Fut>(mut self, after: Duration, hook: F) -> Self
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.on_idle(after, hook);
        self
    }

    /// Awaits this when all jobs have ended or were given up, and all answers are sent. Of several, the last one added
    /// runs first. A panic is logged.
    #[must_use]
    pub fn on_teardown<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.on_teardown(hook);
        self
    }

    /// How long all teardown hooks may take together; 10 s by default. Those that wait then are given up.
    #[must_use]
    pub fn teardown_grace(mut self, grace: Duration) -> Self {
        self.hooks.teardown_grace(grace);
        self
    }

    /// Makes the server.
    ///
    /// # Errors
    /// Two actions of one name; an action whose request or response is not a map; a name or a content type
    /// that cannot travel; permissions that are required while no middleware finds out who calls.
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
        self.require_authentication();
        self.offer.version = self.version.clone();
        self.offer.build_id = self.build_id.take().filter(|build| !build.is_empty());
        let builtin = builtin::actions(
            std::mem::take(&mut self.offer),
            std::mem::take(&mut self.health_checks),
        );
        for (action, handler) in builtin {
            self.actions.entry(action).or_insert(handler);
        }
        self.guard();
        if let Some(problem) = self.problem {
            return Err(problem);
        }
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
                hooks: self.hooks,
                stats: Stats::default(),
            }),
        })
    }

    /// Where permissions are required, somebody has to find out who has them: otherwise nobody has.
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
                "action `{action}` requires `{permission}`, and nothing finds out who calls: add \
                 `.job_middleware(Authentication::new(…))`"
            ));
        }
    }

    /// Puts the permissions that the builder has named around their actions.
    fn guard(&mut self) {
        for (action, required) in std::mem::take(&mut self.required) {
            match self.actions.remove(&action) {
                Some(handler) => {
                    let guarded = Guarded { handler, required };
                    self.actions.insert(action, Arc::new(guarded));
                }
                None => self.fail(format!(
                    "permissions are required for `{action}`, which is no action of the service"
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

/// The same rule as the macros have.
#[doc(hidden)]
pub fn is_wire_name(name: &str) -> bool {
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
    declared: &'static Declared,
    timeout: Option<Duration>,
}

impl<S: Service> Handler for Typed<S> {
    fn timeout(&self, _call: &ActionCall) -> Option<Duration> {
        self.timeout
    }

    fn missing_permissions(&self, call: &ActionCall, missing: &mut Vec<String>) {
        let required = self.declared.required_permissions().iter().copied();
        find_missing(required, call, missing);
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        (self.run)(Arc::clone(&self.service), call)
    }
}

/// Those of the required permissions that the caller does not have. Nobody has any without an identity.
fn find_missing<'a>(
    required: impl Iterator<Item = &'a str>,
    call: &ActionCall,
    missing: &mut Vec<String>,
) {
    let identity = call.context.identity();
    for permission in required {
        if !identity.is_some_and(|identity| identity.has(permission))
            && !missing.iter().any(|known| known == permission)
        {
            missing.push(permission.to_owned());
        }
    }
}

/// An action that requires permissions which the server's builder has named.
struct Guarded {
    handler: Arc<dyn Handler>,
    required: Vec<String>,
}

impl Handler for Guarded {
    fn missing_permissions(&self, call: &ActionCall, missing: &mut Vec<String>) {
        self.handler.missing_permissions(call, missing);
        find_missing(self.required.iter().map(String::as_str), call, missing);
    }

    fn timeout(&self, call: &ActionCall) -> Option<Duration> {
        self.handler.timeout(call)
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        self.handler.call(call)
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

#[cfg(test)]
mod tests {
    use super::is_wire_name;

    #[test]
    fn names_are_valid_and_refused_as_in_attributes() {
        let table = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../soa-macros/tests/cases/wire_names.txt"
        ));
        for line in table.lines().filter(|line| line.starts_with('"')) {
            let (name, expected) = line[1..].rsplit_once("\" ").unwrap();
            assert!(matches!(expected, "valid" | "refused"), "{line}");
            assert_eq!(is_wire_name(name), expected == "valid", "{line}");
        }
    }
}
