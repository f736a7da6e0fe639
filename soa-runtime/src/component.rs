//! Components: services that are served together, under one name, with a health of their own.

use std::fmt;
use std::sync::Arc;

use crate::descriptor::camel_case;
use crate::error::BuildError;
use crate::health::{CheckReport, Checks, HealthCheck};
use crate::message::{JobRequest, Name};
use crate::server::{IntoServer, Server, ServerBuilder, Unbuilt, is_wire_name};

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
}

/// A way to call the services of a component over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The routes that actions declare.
    Rest,
    /// `POST /invoke` with JSON.
    Json,
    /// `POST /invoke` with MessagePack.
    MessagePack,
    /// `POST /invoke` with protobuf.
    Protobuf,
    /// `POST /call/<service>`: whole jobs. Only servers of this framework have it.
    Call,
}

impl Channel {
    /// Returns the name of the channel, as registries have it: `dispatch-json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Json => "dispatch-json",
            Self::MessagePack => "dispatch-msgpack",
            Self::Protobuf => "dispatch-protobuf",
            Self::Call => "call",
        }
    }

    /// Returns the channel of this name.
    ///
    /// ```
    /// use soa_runtime::Channel;
    ///
    /// assert_eq!(Channel::named("dispatch-json"), Some(Channel::Json));
    /// assert_eq!(Channel::named("carrier-pigeon"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|channel| channel.name() == name)
    }

    /// All channels, in the usual order of preference.
    pub const ALL: [Self; 5] = [
        Self::Rest,
        Self::Json,
        Self::MessagePack,
        Self::Protobuf,
        Self::Call,
    ];
}

impl Component {
    /// Returns a builder of a component of this name.
    pub fn builder(name: impl Into<Name>) -> ComponentBuilder {
        ComponentBuilder {
            component: Self::empty(name.into()),
            checks: Vec::new(),
            servers: Vec::new(),
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
#[derive(Debug)]
pub struct ComponentBuilder {
    component: Component,
    checks: Vec<HealthCheck>,
    servers: Vec<Unbuilt>,
    /// False if the component has the name of its only service.
    has_name: bool,
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

    /// Builds the component.
    ///
    /// # Errors
    /// A service cannot be built; two have the same name; there is none; a name or the health path cannot be used.
    pub fn build(self) -> Result<Component, BuildError> {
        let mut component = self.component;
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
        for (index, server) in component.services.iter().enumerate() {
            let mut before = component.services.iter().take(index);
            if before.any(|other| other.name() == server.name()) {
                let service = server.name();
                return Err(BuildError::new(format!(
                    "the component `{name}` has two services `{service}`"
                )));
            }
        }
        let path = &component.health_path;
        if !path.starts_with('/') || path.contains(['{', '}', '?', '#']) {
            return Err(BuildError::new(format!(
                "invalid health path `{path}`: a path starts with a slash, and has no braces"
            )));
        }
        Ok(component)
    }
}
