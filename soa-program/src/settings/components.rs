//! Services that are called over HTTP: at an address, or wherever a registry says.

use std::sync::Arc;

use soa_http::{HttpClient, HttpTransportSettings};
use soa_redis::RedisConnection;
use soa_registry::{Channels, Directory, Discovery, HttpChannel};
use soa_runtime::transport::ClientTransport;
use soa_runtime::{BuildError, Channel};

use super::calling::ClientSettings;

/// The connections over HTTP, and the components that were looked up. Made when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Components {
    client: Option<HttpClient>,
    discovery: Option<Discovery>,
    /// The same for services that get the token of a caller.
    forwarding: Option<Discovery>,
}

impl Components {
    /// Returns the transport to a service.
    ///
    /// # Errors
    /// There is neither an address nor a registry, or one of them cannot be used.
    pub(super) fn transport(
        &mut self,
        service: &str,
        settings: &HttpTransportSettings,
        shared: &ClientSettings,
        redis: Option<RedisConnection>,
    ) -> Result<Arc<dyn ClientTransport>, BuildError> {
        let client = self.client(shared)?;
        let of_route = |problem: BuildError| {
            let route = format!("client_routing.{service}.transport.http");
            BuildError::new(format!("`{route}`: {problem}"))
        };
        if settings.address.is_some() {
            let transport = settings.transport(&client).map_err(of_route)?;
            return Ok(Arc::new(transport));
        }
        let discovery = self.discovery(&client, settings.forwards_token, shared, redis)?;
        let discovery = discovery.ok_or_else(|| {
            BuildError::new(format!(
                "`client_routing.{service}.transport.http` has no `address`, and there is no registry to look a component up \
                 in: set one of them, `client.registry.url` for the latter"
            ))
        })?;
        let component = settings.component.as_deref().unwrap_or(service);
        let channel = settings.channel.as_deref().or(shared.channel.as_deref());
        let transport = discovery.component(component, channel);
        Ok(Arc::new(transport.map_err(of_route)?))
    }

    /// Returns where components are found by their names alone, if there is a registry.
    ///
    /// # Errors
    /// The registry cannot be used, or the file of trusted certificates.
    pub(super) fn source(
        &mut self,
        shared: &ClientSettings,
        redis: Option<RedisConnection>,
    ) -> Result<Option<Discovery>, BuildError> {
        let client = self.client(shared)?;
        let discovery = self.discovery(&client, false, shared, redis)?.cloned();
        Ok(match (discovery, &shared.channel) {
            (Some(discovery), Some(channel)) => Some(discovery.prefer(channel.clone())),
            (discovery, _) => discovery,
        })
    }

    /// Returns the client of HTTP, whose connections all routes and registries share.
    ///
    /// # Errors
    /// The file of trusted certificates cannot be used.
    pub(super) fn client(&mut self, shared: &ClientSettings) -> Result<HttpClient, BuildError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = HttpClient::new(&shared.http)?;
        Ok(self.client.insert(client).clone())
    }

    /// Returns what looks components up, if there is a registry. All of it shares the lists.
    fn discovery(
        &mut self,
        client: &HttpClient,
        forwards_token: bool,
        shared: &ClientSettings,
        redis: Option<RedisConnection>,
    ) -> Result<Option<&Discovery>, BuildError> {
        if self.discovery.is_none() {
            let Some(registry) = &shared.registry else {
                return Ok(None);
            };
            let registry = match redis {
                Some(redis) => registry.open_with_redis(client, &redis)?,
                None => registry.open(client)?,
            };
            let discovery =
                Discovery::new(Directory::new(registry)).channels(Channels::http(client));
            self.discovery = Some(discovery);
        }
        let Some(plain) = &self.discovery else {
            return Ok(None);
        };
        if !forwards_token {
            return Ok(Some(plain));
        }
        Ok(Some(self.forwarding.get_or_insert_with(|| {
            let forwarding = |channel| {
                let channel = HttpChannel::new(client, channel);
                channel.with(|transport| transport.forwarding_token())
            };
            let channels = Channel::ALL.into_iter().map(forwarding);
            plain
                .clone()
                .channels(channels.fold(Channels::new(), Channels::with))
        })))
    }
}
