//! HTTP in front of the services of a process.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use soa_http::{HttpListener, HttpServer};
use soa_runtime::Component;

use super::failure::Failure;
use super::offering::Offering;
use super::registration::Offer;
use crate::settings::HttpSettings;

pub(super) use soa_http::HttpStopped;

/// Changes the router of the doors.
pub(super) type ChangeRouter = Box<dyn FnOnce(Router) -> Router>;

/// A socket that listens for HTTP.
pub(super) struct Listener(HttpListener);

/// Starts the metrics of the page `/metrics`, before the servers that they are about are built.
pub(super) fn start_metrics() -> Result<(), Failure> {
    #[cfg(feature = "prometheus")]
    drop(crate::telemetry::metrics_page()?);
    Ok(())
}

impl Listener {
    /// Listens on an address.
    pub(super) fn bind(address: &str) -> Result<Self, Failure> {
        HttpListener::bind(address)
            .map(Self)
            .map_err(Failure::other)
    }

    /// Takes the socket that another process has passed to this one.
    pub(super) fn passed(socket: OwnedFd) -> Result<Self, Failure> {
        HttpListener::from_socket(socket.into())
            .map(Self)
            .map_err(Failure::other)
    }

    /// The socket, to be passed to another process.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.socket().as_fd()
    }
}

/// The doors of components on an address.
pub(super) struct Doors {
    server: HttpServer,
    concurrency: usize,
}

impl Doors {
    pub(super) fn new(
        components: &[Component],
        settings: &HttpSettings,
        listener: Listener,
        changes: Vec<ChangeRouter>,
        offering: &Offering,
    ) -> Result<Self, Failure> {
        let doors = soa_http::Doors::of_all(components.iter().cloned(), settings.clone())?;
        #[cfg(feature = "prometheus")]
        let doors = doors.with_metrics(crate::telemetry::metrics_page()?);
        let doors = match offering {
            Offering::Own(registrar) => {
                let registrar = registrar.clone();
                doors.with_note(move || registrar.trouble())
            }
            _ => doors,
        };
        let server = HttpServer::new(doors, listener.0).map_err(Failure::other)?;
        let changed = |server: HttpServer, change| server.with_router(change);
        Ok(Self {
            server: changes.into_iter().fold(server, changed),
            concurrency: settings.concurrency,
        })
    }

    /// The address as a URL.
    pub(super) fn url(&self) -> &str {
        self.server.url()
    }

    /// The greatest number of requests that run at once.
    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// The longest time that stopping takes.
    pub(super) fn max_stop_time(&self, grace: Duration) -> Duration {
        self.server.max_stop_time(grace)
    }

    /// Returns what a registry is told of each component.
    pub(super) async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let doors = self.server.doors();
        let url = self.server.advertised_url();
        let address = url.split_once("://").map_or(url, |(_, address)| address);
        let found = tokio::net::lookup_host(address).await;
        let host = found.and_then(|mut found| {
            let missing = || io::Error::other("it has no address");
            found.next().ok_or_else(missing)
        });
        let host = host.map_err(|error| {
            Failure::other(format!(
                "`server.http.advertised_address`: {address} cannot be resolved: {error}"
            ))
        })?;
        let offers = doors.components().map(|component| {
            let addresses = doors.addresses_of(component, url).into_iter();
            let addresses = addresses.map(|(channel, url)| (channel.name().to_owned(), url));
            Offer {
                component: component.name().to_owned(),
                host,
                addresses: addresses.collect(),
                health: format!("{url}{}", component.health_path()),
            }
        });
        Ok(offers.collect())
    }

    /// Serves until it is told to stop. Then a registry is told first.
    pub(super) async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        offering: Offering,
        grace: Duration,
    ) -> HttpStopped {
        let doors = Arc::clone(self.server.doors());
        let leave = async move {
            stop.await;
            doors.set_draining(true);
            offering.end().await;
        };
        self.server.run_until(leave, grace).await
    }
}
