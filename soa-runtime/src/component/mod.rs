//! Components: services that are served together, under one name, with a health of their own.

mod lifecycle;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use lifecycle::ComponentState;
use lifecycle::{Hook, Lifecycle};

use crate::Channel;
use crate::descriptor::camel_case;
use crate::error::BuildError;
use crate::health::{CheckReport, Checks, HealthCheck};
use crate::message::{JobRequest, Name};
use crate::server::{IntoServer, Server, ServerBuilder, StartupError, Unbuilt, is_wire_name};

/// The default path of a component's health.
const DEFAULT_HEALTH_PATH: &str = "/health";

/// Services that are served together: one process, one set of addresses, one health. Cheap to clone.
///
/// A single service is a component of its own name: wherever a component is served, a service may stand.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Component, Server};
///
/// let component = Component::builder("library")
///     .description("lends books")
///     .service(Server::untyped("books", "1.0.0"))
///     .service(Server::untyped("readers", "1.0.0"))
///     .health_path("/health")
///     .build()?;
/// assert_eq!((component.name(), component.interface_name()), ("library", "Library"));
/// assert_eq!(component.services().len(), 2);
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Component {
    name: Name,
    interface_name: Name,
    description: Name,
    services: Vec<Server>,
    health_path: Name,
    checks: Arc<Checks>,
    channels: Option<Vec<Channel>>,
    lifecycle: Arc<Lifecycle<Component>>,
}

impl Component {
    /// Returns a builder of a component of this name.
    pub fn builder(name: impl Into<Name>) -> ComponentBuilder {
        ComponentBuilder {
            component: Self::empty(name.into()),
            checks: Vec::new(),
            servers: Vec::new(),
            lifecycle: Lifecycle::default(),
            has_name: true,
        }
    }

    fn empty(name: Name) -> Self {
        Self {
            interface_name: camel_case(&name).into(),
            name,
            description: Name::default(),
            services: Vec::new(),
            health_path: Name::from_static(DEFAULT_HEALTH_PATH),
            checks: Arc::default(),
            channels: None,
            lifecycle: Arc::default(),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the interface: by default the name in camel case.
    pub fn interface_name(&self) -> &str {
        &self.interface_name
    }

    /// Returns the description; empty for none.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the services, in the order in which they were added.
    pub fn services(&self) -> &[Server] {
        &self.services
    }

    /// Returns the state.
    pub fn state(&self) -> ComponentState {
        self.lifecycle.state()
    }

    /// Runs the startup hooks in their order. A running component is left as it is. A program does this itself, before the
    /// services start.
    ///
    /// # Errors
    /// A startup hook fails or panics. The teardown hooks that were added before it have run then, the last one first.
    pub async fn start(&self) -> Result<(), StartupError> {
        self.lifecycle.start(self.name(), self).await
    }

    /// Runs the teardown hooks, the last one first. A component that does not run is left as it is; of one whose start was
    /// given up, only the hooks run that undo what was done. A program does this itself, when the services have stopped.
    pub async fn stop(&self) {
        self.lifecycle.stop(self.name(), self).await;
    }

    /// Returns the maximum time that [`stop`](Self::stop) takes.
    #[doc(hidden)]
    pub fn max_stop_time(&self) -> Duration {
        self.lifecycle.max_stop_time()
    }

    /// Returns the path of the health over HTTP.
    pub fn health_path(&self) -> &str {
        &self.health_path
    }

    /// Runs the health checks for a request whose head the job has. They run side by side, each on a thread of its own, and
    /// with the client of the first service. The caller's timeout is kept.
    #[doc(hidden)]
    pub async fn check_health(&self, job: JobRequest) -> Vec<CheckReport> {
        let Some(server) = self.services.first() else {
            return Vec::new();
        };
        let cx = server.context(job);
        self.checks
            .report(&cx, server.tells_internal_errors())
            .await
    }

    /// Returns the channels that the component declares; `None` if it leaves them to the settings.
    pub fn channels(&self) -> Option<&[Channel]> {
        self.channels.as_deref()
    }

    /// Returns the service of this name.
    pub fn service(&self, name: &str) -> Option<&Server> {
        self.services.iter().find(|server| server.name() == name)
    }
}

impl From<Server> for Component {
    /// Makes a component of one service, with its name and its health checks.
    fn from(server: Server) -> Self {
        let mut component = Self::empty(server.name().into());
        component.checks = server.checks().unwrap_or_default();
        component.services.push(server);
        Server::introduce(component.services.iter());
        component
    }
}

impl From<&Server> for Component {
    fn from(server: &Server) -> Self {
        server.clone().into()
    }
}

impl From<&Self> for Component {
    fn from(component: &Self) -> Self {
        component.clone()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<&str> = self.services.iter().map(Server::name).collect();
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("services", &services)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Component`].
pub struct ComponentBuilder {
    component: Component,
    checks: Vec<HealthCheck>,
    servers: Vec<Unbuilt>,
    lifecycle: Lifecycle<Component>,
    /// False if the component has the name of its only service.
    has_name: bool,
}

impl fmt::Debug for ComponentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentBuilder")
            .field("name", &self.component.name)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

impl From<ServerBuilder> for ComponentBuilder {
    /// Makes the builder of a component of one service, with its name.
    fn from(server: ServerBuilder) -> Self {
        let mut builder = Component::builder("").service(server);
        builder.has_name = false;
        builder
    }
}

impl ComponentBuilder {
    /// Sets the name of the interface, by which descriptions call the component.
    #[must_use]
    pub fn interface_name(mut self, name: impl Into<Name>) -> Self {
        self.component.interface_name = name.into();
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, description: impl Into<Name>) -> Self {
        self.component.description = description.into();
        self
    }

    /// Adds a service: a value with `#[service]`, a server, or the builder of one.
    #[must_use]
    pub fn service(mut self, service: impl IntoServer) -> Self {
        self.servers.push(service.into_unbuilt());
        self
    }

    /// Returns the number of services.
    #[doc(hidden)]
    pub fn count(&self) -> usize {
        self.servers.len()
    }

    /// Changes the builder of each service.
    ///
    /// # Errors
    /// A service is built already, or a change fails.
    #[doc(hidden)]
    pub fn change_servers(
        mut self,
        mut change: impl FnMut(ServerBuilder) -> Result<ServerBuilder, BuildError>,
    ) -> Result<Self, BuildError> {
        let changed = self.servers.into_iter().map(|server| match server {
            Unbuilt::Builder(builder) => {
                change(*builder).map(|builder| Unbuilt::Builder(Box::new(builder)))
            }
            Unbuilt::Built(Ok(server)) => Err(BuildError::new(format!(
                "the service `{}` is built already, so that no settings can be applied to it: add the service itself, or \
                 its `ServerBuilder`",
                server.name()
            ))),
            Unbuilt::Built(Err(problem)) => Err(problem),
        });
        self.servers = changed.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Sets the path of the health over HTTP: `/health` by default.
    #[must_use]
    pub fn health_path(mut self, path: impl Into<Name>) -> Self {
        self.component.health_path = path.into();
        self
    }

    /// Adds a health check of the component. Its health over HTTP has these checks, in this order.
    #[must_use]
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.checks.push(check);
        self
    }

    /// Declares the channels of the component, in the order of preference. By default, the settings say which there are.
    #[must_use]
    pub fn channels(mut self, channels: impl IntoIterator<Item = Channel>) -> Self {
        self.component.channels = Some(channels.into_iter().collect());
        self
    }

    /// Adds a hook that is awaited before the services start, for example to open what they share. Hooks run one after
    /// another. One that fails or panics ends the start, and the teardown hooks that were added before it run: so add the
    /// hook that undoes another one right behind it.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Component, Server};
    ///
    /// let component = Component::builder("library")
    ///     .service(Server::untyped("books", "1.0.0"))
    ///     .on_startup(|_| async { Ok(std::fs::create_dir("/tmp/library")?) })
    ///     .on_teardown(|_| async { drop(std::fs::remove_dir_all("/tmp/library")) })
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn on_startup<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Component) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let hook = Arc::new(move |component| -> crate::BoxFuture<_> { Box::pin(hook(component)) });
        self.lifecycle.hooks.push(Hook::Startup(hook));
        self
    }

    /// Adds a hook that is awaited when all services have stopped, or when a later startup hook fails. The hook that was
    /// added last runs first. All of them have 10 s together. A panic is logged.
    #[must_use]
    pub fn on_teardown<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Component) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let hook = Arc::new(move |component| -> crate::BoxFuture<_> { Box::pin(hook(component)) });
        self.lifecycle.hooks.push(Hook::Teardown(hook));
        self
    }

    /// Builds the component. Its services call each other in this process, where their clients have no route.
    ///
    /// # Errors
    /// A service cannot be built; two have the same name; there is none; a name or the health path cannot be used.
    pub fn build(self) -> Result<Component, BuildError> {
        let component = self.build_alone()?;
        Server::introduce(component.services.iter());
        Ok(component)
    }

    /// Builds components for one process. The services of all of them call each other in this process, where their clients
    /// have no route.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Component, ComponentBuilder, Server};
    ///
    /// let one = |name, service| Component::builder(name).service(Server::untyped(service, "1.0.0"));
    /// let all = ComponentBuilder::build_all([one("library", "books"), one("shop", "orders")])?;
    /// assert_eq!(all.len(), 2);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// One of them cannot be [built](Self::build); two components, or two services, have the same name.
    pub fn build_all(
        builders: impl IntoIterator<Item = Self>,
    ) -> Result<Vec<Component>, BuildError> {
        let built = builders.into_iter().map(Self::build_alone);
        let built: Vec<Component> = built.collect::<Result<_, _>>()?;
        refuse_twins("components", built.iter().map(|one| &*one.name))?;
        let services = || built.iter().flat_map(|component| &component.services);
        refuse_twins("services", services().map(Server::name))?;
        Server::introduce(services());
        Ok(built)
    }

    fn build_alone(self) -> Result<Component, BuildError> {
        let mut component = self.component;
        component.lifecycle = Arc::new(self.lifecycle);
        let servers = self.servers.into_iter().map(Unbuilt::build);
        component.services = servers.collect::<Result<_, _>>()?;
        if let (false, [only]) = (self.has_name, &*component.services) {
            let name: Name = only.name().into();
            component.interface_name = camel_case(&name).into();
            component.name = name;
            component.checks = only.checks().unwrap_or_default();
        }
        if self.has_name {
            component.checks = Arc::new(Checks::new(self.checks));
        }
        let name = &component.name;
        if !is_wire_name(name) {
            let rule = "a name is a letter followed by letters, digits, `_`, `-` and `.`";
            return Err(BuildError::new(format!("invalid name `{name}`: {rule}")));
        }
        if component.services.is_empty() {
            return Err(BuildError::new(format!(
                "the component `{name}` has no service"
            )));
        }
        let twins = refuse_twins("services", component.services.iter().map(Server::name));
        twins.map_err(|error| BuildError::new(format!("the component `{name}`: {error}")))?;
        let path = &component.health_path;
        if !path.starts_with('/') || path.contains(['{', '}', '?', '#']) {
            return Err(BuildError::new(format!(
                "invalid health path `{path}`: a path starts with a slash, and has no braces"
            )));
        }
        Ok(component)
    }
}

fn refuse_twins<'a>(
    kind: &str,
    mut names: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), BuildError> {
    while let Some(name) = names.next() {
        if names.clone().any(|other| other == name) {
            return Err(BuildError::new(format!(
                "two {kind} have the name `{name}`"
            )));
        }
    }
    Ok(())
}
