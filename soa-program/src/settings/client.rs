//! The section `client_routing`, and the client that it describes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::middleware::{MiddlewareSettings, OfClient};
use super::transport::{ClientTransportSettings, TransportSettings};
use super::{Section, Settings};
use soa_runtime::client::ClientRequest;
use soa_runtime::client::{Client, ClientBuilder};
use soa_runtime::codec::Encoding;
use soa_runtime::message::Name;
use soa_runtime::period::Period;
use soa_runtime::server::LocalTransport;
use soa_runtime::transport::{
    ClientTransport, RedisClientTransport, RedisConnection, RedisSettings, ReplyFuture,
};
use soa_runtime::{BuildError, TransportError};

/// How one service is called.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RouteSettings {
    /// Where its requests go; to where this server takes its own from unless it is set.
    pub transport: Option<ClientTransportSettings>,
    /// How long a call waits that has no timeout of its own; what the transport says unless it is set.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub timeout: Option<Period>,
    /// Middleware around calls of this service alone, by name, the outermost first. It is further in than all that stands
    /// around every call.
    #[schemars(with = "Vec<OfClient>")]
    pub middleware: Vec<MiddlewareSettings>,
}

/// The connections of a process: transports with the same settings share one.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    redis: Vec<RedisConnection>,
}

impl Connections {
    /// The connection with these settings.
    fn redis(&mut self, settings: &RedisSettings) -> Result<RedisConnection, BuildError> {
        let mut known = self.redis.iter();
        if let Some(connection) = known.find(|connection| connection.settings() == settings) {
            return Ok(connection.clone());
        }
        let connection = RedisConnection::new(settings.clone())?;
        self.redis.push(connection.clone());
        Ok(connection)
    }

    /// The connection with these settings, once it is there.
    pub(crate) async fn connect_redis(
        &mut self,
        settings: &RedisSettings,
    ) -> Result<RedisConnection, TransportError> {
        let connection = RedisConnection::connect(settings.clone()).await?;
        self.redis.push(connection.clone());
        Ok(connection)
    }

    /// A client for one more service.
    pub(crate) fn route(
        &mut self,
        client: ClientBuilder,
        service: &str,
        transport: &ClientTransportSettings,
        timeout: Option<Period>,
    ) -> Result<ClientBuilder, BuildError> {
        let name: Name = service.to_owned().into();
        Ok(match transport {
            ClientTransportSettings::Redis(settings) => {
                let transport = RedisClientTransport::on(&self.redis(settings)?, name.clone());
                waiting(client, name, transport, timeout)
            }
            ClientTransportSettings::Stub(settings) => {
                // Whoever forgot that in production should not have to look for it.
                tracing::warn!(
                    service,
                    "calls are answered by a stub of the settings, not by the service"
                );
                let transport = LocalTransport::new(settings.server(name.clone())?);
                waiting(client, name, transport, timeout)
            }
        })
    }
}

/// The client with a transport whose calls wait so long, if that is set.
fn waiting(
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

impl RouteSettings {
    /// How messages get to the service, where this server takes its own requests from the other.
    pub(crate) fn transport_beside(&self, server: &TransportSettings) -> ClientTransportSettings {
        let own = self.transport.clone();
        own.unwrap_or_else(|| server.clone().into())
    }
}

impl<S: Section> Settings<S> {
    /// A client for the services in `client_routing`, with `expansions`, to which middleware can be added. Connections are made when they
    /// are first needed.
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
    /// Files with certificates cannot be read; middleware that is named cannot be made.
    pub fn client(&self) -> Result<ClientBuilder, BuildError> {
        self.client_on(&mut Connections::default())
    }

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

/// A transport whose calls wait for another time, if they have none of their own.
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
