//! HTTP in front of the services of a process.

use std::time::Duration;

use soa_http::{HttpListener, HttpServer};
use soa_runtime::Component;

use super::failure::Failure;
use crate::settings::HttpSettings;

pub(super) use soa_http::HttpStopped;

/// A socket that listens for HTTP.
pub(super) struct Listener(HttpListener);

impl Listener {
    /// Listens on an address.
    pub(super) fn bind(address: &str) -> Result<Self, Failure> {
        HttpListener::bind(address)
            .map(Self)
            .map_err(Failure::other)
    }
}

/// The doors of a component on an address.
pub(super) struct Doors(HttpServer);

impl Doors {
    pub(super) fn new(
        component: &Component,
        settings: &HttpSettings,
        listener: Listener,
    ) -> Result<Self, Failure> {
        let doors = soa_http::Doors::new(component.clone(), settings.clone())?;
        let server = HttpServer::new(doors, listener.0).map_err(Failure::other)?;
        Ok(Self(server))
    }

    /// The address as a URL.
    pub(super) fn url(&self) -> &str {
        self.0.url()
    }

    /// The longest time that stopping takes.
    pub(super) fn max_stop_time(&self, grace: Duration) -> Duration {
        self.0.max_stop_time(grace)
    }

    pub(super) async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) -> HttpStopped {
        self.0.run_until(stop, grace).await
    }
}
