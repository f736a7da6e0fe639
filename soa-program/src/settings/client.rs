//! The client that the settings describe, and the connections that clients and servers share.

use std::sync::Arc;
use std::time::Duration;

use soa_redis::{RedisClientTransport, RedisConnection, RedisSettings};
use soa_runtime::client::{Client, ClientBuilder, ClientRequest};
use soa_runtime::codec::Encoding;
use soa_runtime::message::Name;
use soa_runtime::period::Period;
use soa_runtime::transport::{ClientTransport, ReplyFuture};
use soa_runtime::{BuildError, TransportError};

use super::calling::ClientSettings;
use super::root::Settings;
use super::route::RouteSettings;
use super::section::Section;
use super::suggestion::is_same_key;
use super::transport::{ClientTransportSettings, TransportSettings};

/// The connections of a process. Transports with equal settings share one.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    redis: Vec<RedisConnection>,
    #[cfg(feature = "http")]
    http: super::components::Components,
}

/// The settings that a route is completed by.
#[derive(Clone, Copy)]
struct Beside<'a> {
    server: &'a TransportSettings,
    client: &'a ClientSettings,
}

#[cfg(feature = "http")]
impl<'a> Beside<'a> {
    /// The Redis of the transport, if the registry is in it.
    fn registry_in_redis(self) -> Option<&'a RedisSettings> {
        let registry = self.client.registry.as_ref()?;
        let TransportSettings::Redis(redis) = self.server;
        registry.needs_redis().then_some(redis)
    }
}

impl Connections {
    /// Returns the connection with these settings, which connects when it is first used.
    fn redis(&mut self, settings: &RedisSettings) -> Result<RedisConnection, BuildError> {
        let mut known = self.redis.iter();
        if let Some(connection) = known.find(|connection| connection.settings() == settings) {
            return Ok(connection.clone());
        }
        let connection = RedisConnection::new(settings.clone())?;
        self.redis.push(connection.clone());
        Ok(connection)
    }

    /// Opens the registry of these settings. Nothing is connected yet.
    #[cfg(feature = "http")]
    pub(crate) fn registry<S>(
        &mut self,
        registry: &soa_registry::RegistrySettings,
        settings: &Settings<S>,
    ) -> Result<Arc<dyn soa_registry::Registry>, BuildError> {
        let client = self.http.client(&settings.client)?;
        if !registry.needs_redis() {
            return registry.open(&client);
        }
        let TransportSettings::Redis(redis) = &settings.server.transport;
        registry.open_with_redis(&client, &self.redis(redis)?)
    }

    /// Connects with these settings.
    pub(crate) async fn connect_redis(
        &mut self,
        settings: &RedisSettings,
    ) -> Result<RedisConnection, TransportError> {
        let connection = RedisConnection::connect(settings.clone()).await?;
        self.redis.push(connection.clone());
        Ok(connection)
    }

    /// Adds the registry in which typed clients find the components that their contracts name, if there is one.
    #[cfg_attr(
        not(feature = "http"),
        expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "as with HTTP"
        )
    )]
    fn components(
        &mut self,
        client: ClientBuilder,
        beside: Beside<'_>,
    ) -> Result<ClientBuilder, BuildError> {
        #[cfg(feature = "http")]
        if beside.client.registry.is_some() {
            let redis = beside.registry_in_redis().map(|redis| self.redis(redis));
            let source = self.http.source(beside.client, redis.transpose()?)?;
            return Ok(match source {
                Some(source) => client.components(source),
                None => client,
            });
        }
        let _ = beside;
        Ok(client)
    }

    /// Adds the route to a service to a client, with the middleware around its calls.
    fn route(
        &mut self,
        client: ClientBuilder,
        service: &str,
        route: &RouteSettings,
        beside: Beside<'_>,
    ) -> Result<ClientBuilder, BuildError> {
        let transport = route.transport_beside(beside.server);
        let client = self.transport(client, service, route, &transport, beside)?;
        client.around_service(service, |client| {
            let mut middleware = route.middleware.iter();
            middleware.try_fold(client, |client, one| one.in_client(client))
        })
    }

    fn transport(
        &mut self,
        client: ClientBuilder,
        service: &str,
        route: &RouteSettings,
        transport: &ClientTransportSettings,
        beside: Beside<'_>,
    ) -> Result<ClientBuilder, BuildError> {
        let timeout = route.timeout;
        let name: Name = service.into();
        Ok(match transport {
            ClientTransportSettings::Redis(settings) => {
                let redis = self.redis(settings)?;
                let transport = RedisClientTransport::on(&redis, name.clone());
                let client = with_service(client, name, transport, timeout);
                if !route.is_spelled_by_variable {
                    return Ok(client);
                }
                client.respelled(service, move |name| {
                    with_timeout(RedisClientTransport::on(&redis, name), timeout)
                })
            }
            #[cfg(feature = "http")]
            ClientTransportSettings::Http(settings) => {
                let redis = beside.registry_in_redis().map(|redis| self.redis(redis));
                let redis = redis.transpose()?;
                let transport = self
                    .http
                    .transport(service, settings, beside.client, redis)?;
                let client = with_service(client, name, Arc::clone(&transport), timeout);
                if !route.is_spelled_by_variable {
                    return Ok(client);
                }
                client.respelled(service, move |_| {
                    with_timeout(Arc::clone(&transport), timeout)
                })
            }
            #[cfg(not(feature = "http"))]
            ClientTransportSettings::Http(_) => {
                // Such settings are refused when they are read.
                let _ = beside.client;
                return Err(BuildError::new("calls over HTTP need the feature `http`"));
            }
            ClientTransportSettings::Stub(settings) => {
                // A stub that is left in production by mistake has to be easy to find.
                tracing::warn!(
                    service,
                    "calls are answered by a stub from the settings, not by the service"
                );
                let transport = settings.transport(name.clone())?;
                let client = with_service(client, name, transport.clone(), timeout);
                if !route.is_spelled_by_variable {
                    return Ok(client);
                }
                client.respelled(service, move |_| with_timeout(transport.clone(), timeout))
            }
        })
    }
}

/// Adds a service to a client, with a default timeout for its calls if one is set.
fn with_service(
    client: ClientBuilder,
    name: Name,
    transport: impl ClientTransport,
    timeout: Option<Period>,
) -> ClientBuilder {
    match timeout.map(Period::get) {
        None => client.service(name, transport),
        Some(timeout) => client.service(name, WithTimeout { transport, timeout }),
    }
}

fn with_timeout(
    transport: impl ClientTransport,
    timeout: Option<Period>,
) -> Arc<dyn ClientTransport> {
    match timeout.map(Period::get) {
        None => Arc::new(transport),
        Some(timeout) => Arc::new(WithTimeout { transport, timeout }),
    }
}

impl<S: Section> Settings<S> {
    /// Makes a client for the services in `client_routing`, with the middleware and the expansions of the settings.
    /// Connections are made when they are first needed.
    ///
    /// ```
    /// use soa::settings::Settings;
    ///
    /// let settings = Settings::<soa::settings::NoSection>::loader()
    ///     .set("server.transport.redis.hosts=redis.internal")
    ///     .set("client_routing.users.timeout=2s")
    ///     .load()?;
    /// let client = settings.client()?.caller("billing/nightly").build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A file with certificates cannot be read, or a middleware in the settings fails.
    pub fn client(&self) -> Result<ClientBuilder, BuildError> {
        self.client_on(&mut Connections::default())
    }

    /// Makes the client of [`client`](Self::client) on connections that others use, too.
    pub(crate) fn client_on(
        &self,
        connections: &mut Connections,
    ) -> Result<ClientBuilder, BuildError> {
        let mut routes = self.client_routing.iter();
        let client = self.without_routes()?.expansions(self.expansions.clone());
        let client = connections.components(client, self.beside())?;
        routes.try_fold(client, |client, (service, route)| {
            connections.route(client, service, route, self.beside())
        })
    }

    fn beside(&self) -> Beside<'_> {
        Beside {
            server: &self.server.transport,
            client: &self.client,
        }
    }

    /// Makes a client for one service, with the middleware of the settings. A service that is not in `client_routing` has
    /// the transport of this program's own server.
    pub(crate) fn client_of(
        &self,
        service: &str,
        connections: &mut Connections,
    ) -> Result<ClientBuilder, BuildError> {
        let route = self.route_of(service);
        let client = self.without_routes()?;
        connections.route(client, service, &route, self.beside())
    }

    /// The route to a service, or the default one.
    pub(crate) fn route_of(&self, service: &str) -> RouteSettings {
        let spelled = || {
            let mut routes = self.client_routing.iter();
            let is_meant = |name: &str, route: &RouteSettings| {
                route.is_spelled_by_variable && is_same_key(name, service)
            };
            let found = routes.find(|(name, route)| is_meant(name, route));
            found.map(|(_, route)| route)
        };
        let route = self.client_routing.get(service).or_else(spelled);
        route.cloned().unwrap_or_default()
    }

    /// Makes a client with the middleware around all calls, and without routes.
    pub(crate) fn without_routes(&self) -> Result<ClientBuilder, BuildError> {
        let mut middleware = self.client_middleware.iter();
        middleware.try_fold(Client::builder(), |client, one| one.in_client(client))
    }

    /// Logs what the settings say about calls that can never be made.
    pub(crate) fn warn_of_missing_routes(&self) {
        for (name, route) in &self.expansions.type_routes {
            let service = &*route.service;
            let is_known = self.client_routing.contains_key(service);
            if !is_known && !self.route_of(service).is_spelled_by_variable {
                tracing::warn!(
                    service,
                    expansion_route = name.as_str(),
                    "expansions call a service without a route: `client_routing` has no such key"
                );
            }
        }
        let is_without_routes = self.client_routing.is_empty() && self.client.registry.is_none();
        if is_without_routes && !self.client_middleware.is_empty() {
            tracing::warn!(
                "`client_middleware` is set, but `client_routing` is empty: every call of another service fails"
            );
        }
    }
}

/// A transport with another default timeout.
struct WithTimeout<T> {
    transport: T,
    timeout: Duration,
}

impl<T: ClientTransport> ClientTransport for WithTimeout<T> {
    fn trouble(&self, within: Duration) -> Option<TransportError> {
        self.transport.trouble(within)
    }

    fn encoding(&self) -> Encoding {
        self.transport.encoding()
    }

    fn takes_positions(&self) -> bool {
        self.transport.takes_positions()
    }

    fn default_timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn call(&self, mut request: ClientRequest) -> ReplyFuture {
        request.timeout.get_or_insert(self.timeout);
        self.transport.call(request)
    }
}
