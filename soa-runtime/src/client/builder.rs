//! The builder of clients.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::handle::{Client, ClientShared, Components};
use super::route::Route;
use crate::codec::Value;
use crate::error::BuildError;
use crate::exchange::ClientStage;
use crate::expansion::Expansions;
use crate::message::{ContextHeader, ContextValue, Name, SwitchSet};
use crate::stack::{Middleware, StackBuilder};
use crate::transport::{ClientTransport, ComponentSource};

/// Builds a [`Client`]: routes, middleware, base context.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Client, LocalTransport, Server};
///
/// # fn main() -> Result<(), soa::BuildError> {
/// let server = Server::untyped("example", "1.0.0").build()?;
/// let client = Client::builder()
///     .service("example", LocalTransport::new(server))
///     .caller("billing/nightly")
///     .build()?;
/// # Ok(()) }
/// ```
pub struct ClientBuilder {
    routes: HashMap<Name, Route>,
    components: Option<Components>,
    problem: Option<BuildError>,
    middleware: StackBuilder<ClientStage>,
    base: ContextHeader,
    expansions: Expansions,
}

impl Client {
    /// Returns a builder of a client without routes.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

impl ClientBuilder {
    /// Adds a service and the transport that reaches it.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Client, LocalTransport, Server};
    ///
    /// let tools = LocalTransport::new(Server::untyped("tools", "1.0.0").build()?);
    /// let client = Client::builder().service("tools", tools).build()?;
    /// assert!(client.services().eq(["tools"]));
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn service(self, name: impl Into<Name>, transport: impl ClientTransport) -> Self {
        self.shared_transport(name, Arc::new(transport))
    }

    /// Adds a service and a transport that others may use, too.
    pub(super) fn shared_transport(
        mut self,
        name: impl Into<Name>,
        transport: Arc<dyn ClientTransport>,
    ) -> Self {
        let name = name.into();
        if self.routes.contains_key(&name) {
            self.problem.get_or_insert(BuildError::new(format!(
                "service `{name}` has two routes; give each service one transport"
            )));
        }
        let route = Route::new(name.clone(), transport);
        self.routes.insert(name, route);
        self
    }

    /// Adds a component, which is found by its name. The services that it offers follow:
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// # use std::sync::Arc;
    /// # use soa::transport::{ClientTransport, ComponentSource};
    /// # use soa::{BuildError, Client, LocalTransport, Server};
    /// # struct Discovery;
    /// # impl ComponentSource for Discovery {
    /// #     fn transport(&self, _: &str, _: Option<&str>) -> Result<Arc<dyn ClientTransport>, BuildError> {
    /// #         let server = Server::untyped("books", "1.0.0").build()?;
    /// #         Ok(Arc::new(LocalTransport::new(server)))
    /// #     }
    /// # }
    /// # let discovery = Discovery;
    /// // `discovery` is a `soa::registry::Discovery`.
    /// let client = Client::builder()
    ///     .component("library", &discovery)
    ///     .offers(["books", "readers"])
    ///     .component("library", &discovery)
    ///     .prefer("rest")
    ///     .offers(["pages"])
    ///     .build()?;
    /// assert_eq!(client.services().count(), 3);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn component<S: ComponentSource>(
        self,
        name: impl Into<Name>,
        source: S,
    ) -> ComponentRoutes<S> {
        ComponentRoutes {
            builder: self,
            component: name.into(),
            source,
            channel: None,
        }
    }

    /// Sets where typed clients find the components that their contracts name, as `#[service(component = "library")]` does.
    /// It is asked for services without a route, when a typed client of one is made.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// # use std::sync::Arc;
    /// # use soa::client::{ServiceClient, TypedClient};
    /// # use soa::transport::{ClientTransport, ComponentSource};
    /// # use soa::{Action, BuildError, Client, LocalTransport, Server, ServiceDescriptor, Value};
    /// # struct Discovery;
    /// # impl ComponentSource for Discovery {
    /// #     fn transport(&self, component: &str, _: Option<&str>) -> Result<Arc<dyn ClientTransport>, BuildError> {
    /// #         assert_eq!(component, "library");
    /// #         let server = Server::untyped("books", "1.0.0").build()?;
    /// #         Ok(Arc::new(LocalTransport::new(server)))
    /// #     }
    /// # }
    /// # struct BooksClient(ServiceClient);
    /// # impl BooksClient {
    /// #     fn status(&self) -> soa::Call<Value> { self.0.call(Action::new("status"), soa::value!({})) }
    /// # }
    /// # impl TypedClient for BooksClient {
    /// #     const DESCRIPTOR: &'static ServiceDescriptor =
    /// #         &ServiceDescriptor::new("books", "1.0.0", "", &[]).with_component("library");
    /// #     fn from_service_client(client: ServiceClient) -> Self { Self(client) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let discovery = Discovery;
    /// // `discovery` is a `soa::registry::Discovery`, and the client was made by
    /// // `#[service(name = "books", component = "library")]`.
    /// let client = Client::builder().components(discovery).build()?;
    /// BooksClient::new(&client).status().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn components(mut self, source: impl ComponentSource + Send + Sync + 'static) -> Self {
        self.components = Some(Arc::new(source));
        self
    }

    /// Adds middleware around every call; the first one added is the outermost.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Client;
    /// use soa::middleware::{CircuitBreaker, Retry};
    ///
    /// // Each attempt passes the breaker, as it is further in.
    /// let client = Client::builder()
    ///     .middleware(Retry::new())
    ///     .middleware(CircuitBreaker::new())
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn middleware(mut self, middleware: impl Middleware<ClientStage>) -> Self {
        self.middleware.push(middleware);
        self
    }

    /// Adds the middleware of the closure around calls of one service alone, inside of the middleware around every
    /// call. The service must have its route already.
    #[doc(hidden)]
    pub fn around_service<E>(
        mut self,
        service: &str,
        add: impl FnOnce(Self) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let of_all = std::mem::replace(&mut self.middleware, StackBuilder::new());
        let mut built = add(self)?;
        let of_service = std::mem::replace(&mut built.middleware, of_all);
        if let Some(route) = built.routes.get_mut(service) {
            route.middleware = of_service.build();
        }
        Ok(built)
    }

    /// Lets calls of services with similar names take the route to this one, which must be there already. The function
    /// makes the transport for such a name.
    #[doc(hidden)]
    #[must_use]
    pub fn respelled(
        mut self,
        service: &str,
        make: impl Fn(Name) -> Arc<dyn ClientTransport> + Send + Sync + 'static,
    ) -> Self {
        if let Some(route) = self.routes.get_mut(service) {
            route.respell = Some(Arc::new(make));
        }
        self
    }

    /// Names the caller in every call. The name is free text. Services that are called in turn see it, too
    /// ([`Context::caller`](crate::Context::caller)).
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Client;
    ///
    /// let client = Client::builder().caller("billing/nightly").build()?;
    /// assert_eq!(client.base_context().caller.as_deref(), Some("billing/nightly"));
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn caller(mut self, caller: impl Into<Arc<str>>) -> Self {
        self.base.caller = Some(caller.into());
        self
    }

    /// Turns switches on in every call.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Client, Switch, SwitchSet};
    ///
    /// const BETA: Switch = Switch::new(7);
    /// let client = Client::builder().switches(SwitchSet::from_iter([BETA])).build()?;
    /// assert!(client.base_context().switches.is_active(BETA));
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn switches(mut self, switches: impl Into<SwitchSet>) -> Self {
        self.base.switches = self.base.switches.union(&switches.into());
        self
    }

    /// Adds a value to the context of every call.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Client;
    ///
    /// let client = Client::builder().context("tenant", "north").build()?;
    /// assert_eq!(client.base_context().extra.get("tenant"), Some(&"north".into()));
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn context(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Err(problem) = self.base.set(key.into(), value.into()) {
            self.problem.get_or_insert(BuildError::new(problem));
        }
        self
    }

    /// Adds a value of a declared type to the context of every call. See [`ContextValue`].
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use serde::{Deserialize, Serialize};
    /// use soa::{Client, ContextValue};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Tenant(String);
    ///
    /// impl ContextValue for Tenant {
    ///     const KEY: &'static str = "tenant";
    /// }
    ///
    /// let client = Client::builder().context_value(Tenant("north".to_owned())).build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn context_value<T: ContextValue>(mut self, value: T) -> Self {
        if let Err(problem) = self.base.put(&value) {
            self.problem.get_or_insert(BuildError::new(problem));
        }
        self
    }

    /// Sets the expansions that calls can ask for, in place of earlier ones.
    #[must_use]
    pub fn expansions(mut self, expansions: Expansions) -> Self {
        self.expansions = expansions;
        self
    }

    /// Builds the client.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Client;
    ///
    /// // The switches of a context are a list of numbers.
    /// let mistake = Client::builder().context("switches", "beta").build();
    /// assert!(mistake.is_err());
    /// ```
    ///
    /// # Errors
    /// A service has two routes, a context value has the wrong type for its key, or the configuration of the expansions
    /// is inconsistent.
    pub fn build(self) -> Result<Client, BuildError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if let Some(mistake) = self.expansions.mistakes().first() {
            return Err(BuildError::new(format!("expansions: {mistake}")));
        }
        Ok(self.finish())
    }

    #[doc(hidden)]
    pub fn finish(self) -> Client {
        let routes = self.routes.into_iter();
        let routes = routes.map(|(name, route)| (name, Arc::new(route)));
        Client {
            shared: Arc::new(ClientShared {
                routes: routes.collect(),
                hosted: HashMap::new(),
                components: self.components,
                middleware: self.middleware.build(),
                expansions: self.expansions,
                found: Default::default(),
            }),
            base: Arc::new(self.base),
            deadline: None,
            places: None,
        }
    }
}

/// Adds the services of a component to a [`ClientBuilder`].
#[must_use = "a component without services adds nothing: see `offers`"]
pub struct ComponentRoutes<S> {
    builder: ClientBuilder,
    component: Name,
    source: S,
    channel: Option<Name>,
}

impl<S: ComponentSource> ComponentRoutes<S> {
    /// Prefers a channel for the services that follow, by its name: `dispatch-json`. They are called by no other one.
    pub fn prefer(mut self, channel: impl Into<Name>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// Adds services that the component offers, and returns the builder of the client. A component that cannot be called is an
    /// error of [`build`](ClientBuilder::build).
    pub fn offers<N: Into<Name>>(self, services: impl IntoIterator<Item = N>) -> ClientBuilder {
        let mut builder = self.builder;
        match self
            .source
            .transport(&self.component, self.channel.as_deref())
        {
            Ok(transport) => {
                for service in services {
                    builder = builder.shared_transport(service, Arc::clone(&transport));
                }
            }
            Err(problem) => _ = builder.problem.get_or_insert(problem),
        }
        builder
    }
}

impl<S> fmt::Debug for ComponentRoutes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentRoutes")
            .field("component", &self.component)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            routes: HashMap::new(),
            components: None,
            problem: None,
            middleware: StackBuilder::new(),
            base: ContextHeader::new(""),
            expansions: Expansions::new(),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<_> = self.routes.keys().collect();
        f.debug_struct("ClientBuilder")
            .field("services", &services)
            .finish_non_exhaustive()
    }
}
