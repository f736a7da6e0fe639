//! The transport that a program takes its requests from.

use super::failure::Failure;
use crate::settings::{Connections, ServerSettings};
use crate::transport::ServerTransport;

/// A transport for requests, connected.
#[cfg(feature = "redis")]
pub(super) struct Requests(crate::transport::RedisConnection);

#[cfg(feature = "redis")]
impl Requests {
    pub(super) async fn connect(
        settings: &ServerSettings,
        connections: &mut Connections,
    ) -> Result<Self, Failure> {
        let crate::settings::TransportSettings::Redis(redis) = &settings.transport;
        Ok(Self(connections.connect_redis(redis).await?))
    }

    pub(super) fn transport(&self, service: &str) -> impl ServerTransport {
        crate::transport::RedisServerTransport::on(&self.0, service.to_owned())
    }

    /// The addresses, and not the text they were given as, which may have a password in it.
    pub(super) fn addresses(&self) -> String {
        self.0.settings().addresses()
    }
}

/// No transport for requests.
#[cfg(not(feature = "redis"))]
pub(super) enum Requests {}

#[cfg(not(feature = "redis"))]
impl Requests {
    pub(super) async fn connect(_: &ServerSettings, _: &mut Connections) -> Result<Self, Failure> {
        let message =
            "the program has no transport for requests: build it with the feature `redis`";
        Err(Failure::other(message))
    }

    pub(super) fn transport(&self, _: &str) -> impl ServerTransport + use<> {
        match *self {}
        #[expect(unreachable_code, reason = "names a type")]
        crate::transport::LocalQueue::new()
    }

    pub(super) fn addresses(&self) -> String {
        match *self {}
    }
}
