//! HTTP in front of the services of a process.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use axum::Router;
use soa_http::{HttpListener, HttpServer};
use soa_runtime::Component;

use super::failure::Failure;
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
    ) -> Result<Self, Failure> {
        let doors = soa_http::Doors::of_all(components.iter().cloned(), settings.clone())?;
        #[cfg(feature = "prometheus")]
        let doors = doors.with_metrics(crate::telemetry::metrics_page()?);
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

    pub(super) async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) -> HttpStopped {
        self.server.run_until(stop, grace).await
    }
}
