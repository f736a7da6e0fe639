//! The client that the settings describe, and the connections that clients and servers share.

use std::time::Duration;

use soa_runtime::client::{Client, ClientBuilder, ClientRequest};
use soa_runtime::codec::Encoding;
use soa_runtime::message::Name;
use soa_runtime::period::Period;
use soa_runtime::transport::{
    ClientTransport, RedisClientTransport, RedisConnection, RedisSettings, ReplyFuture,
};
use soa_runtime::{BuildError, TransportError};

use super::root::Settings;
use super::section::Section;
use super::transport::ClientTransportSettings;

/// The connections of a process. Transports with equal settings share one.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    redis: Vec<RedisConnection>,
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

    /// Connects with these settings.
    pub(crate) async fn connect_redis(
        &mut self,
        settings: &RedisSettings,
    ) -> Result<RedisConnection, TransportError> {
        let connection = RedisConnection::connect(settings.clone()).await?;
        self.redis.push(connection.clone());
        Ok(connection)
    }

    /// Adds a route to a client.
    pub(crate) fn route(
        &mut self,
        client: ClientBuilder,
        service: &str,
        transport: &ClientTransportSettings,
        timeout: Option<Period>,
    ) -> Result<ClientBuilder, BuildError> {
        let name: Name = service.into();
        Ok(match transport {
            ClientTransportSettings::Redis(settings) => {
                let transport = RedisClientTransport::on(&self.redis(settings)?, name.clone());
                with_service(client, name, transport, timeout)
            }
            ClientTransportSettings::Stub(settings) => {
                // A stub that is left in production by mistake has to be easy to find.
                tracing::warn!(
                    service,
                    "calls are answered by a stub from the settings, not by the service"
                );
                let transport = settings.transport(name.clone())?;
                with_service(client, name, transport, timeout)
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
        let client = Client::builder().expansions(self.expansions.clone());
        let mut middleware = self.client_middleware.iter();
        let client = middleware.try_fold(client, |client, one| one.in_client(client))?;
        routes.try_fold(client, |client, (service, route)| {
            let transport = route.transport_beside(&self.server.transport);
            let client = connections.route(client, service, &transport, route.timeout)?;
            client.around_service(service, |client| {
                let mut middleware = route.middleware.iter();
                middleware.try_fold(client, |client, one| one.in_client(client))
            })
        })
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

    fn default_timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn call(&self, mut request: ClientRequest) -> ReplyFuture {
        request.timeout.get_or_insert(self.timeout);
        self.transport.call(request)
    }
}
