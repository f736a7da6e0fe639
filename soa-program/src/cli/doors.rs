//! HTTP in front of the services of a process.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use soa_http::{HttpListener, HttpServer};
use soa_runtime::Component;
use tokio::sync::watch;

use super::failure::Failure;
use super::offering::Offering;
use super::registration::Offer;
use crate::settings::{HttpSettings, listed};

pub(super) use soa_http::HttpStopped;

/// Changes the router of the doors.
pub(super) type ChangeRouter = Box<dyn FnOnce(Router) -> Router>;

/// The sockets that listen for HTTP: one for each component that has an address of its own, and one for the others.
pub(super) struct Listeners(Vec<(Part, HttpListener)>);

/// The components at an address.
enum Part {
    /// Those without an address of their own.
    Rest,
    One(String),
}

/// Starts the metrics of the page `/metrics`, before the servers that they are about are built.
pub(super) fn start_metrics() -> Result<(), Failure> {
    #[cfg(feature = "prometheus")]
    drop(crate::telemetry::metrics_page()?);
    Ok(())
}

impl Listeners {
    /// Listens on the addresses of the settings. None without an address.
    pub(super) fn bind(settings: &HttpSettings) -> Result<Option<Self>, Failure> {
        Self::open(settings, |address| {
            HttpListener::bind(address).map_err(Failure::other)
        })
    }

    /// Takes the sockets that another process has bound for the same settings, and passed to this one.
    pub(super) fn passed(
        settings: &HttpSettings,
        mut next: impl FnMut() -> Result<OwnedFd, Failure>,
    ) -> Result<Option<Self>, Failure> {
        Self::open(settings, |_| {
            HttpListener::from_socket(next()?.into()).map_err(Failure::other)
        })
    }

    /// Opens the sockets, always in the same order.
    fn open(
        settings: &HttpSettings,
        mut open: impl FnMut(&str) -> Result<HttpListener, Failure>,
    ) -> Result<Option<Self>, Failure> {
        let mut all = Vec::new();
        if let Some(address) = &settings.address {
            all.push((Part::Rest, open(address)?));
        }
        for (component, own) in &settings.components {
            all.push((Part::One(component.clone()), open(&own.address)?));
        }
        Ok((!all.is_empty()).then_some(Self(all)))
    }

    /// The sockets, to be passed to another process.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let sockets = self.0.iter();
        sockets.map(|(_, one)| one.socket().as_fd()).collect()
    }
}

impl Part {
    /// Returns the components at this address, and the settings for it.
    ///
    /// # Errors
    /// There is none.
    fn of(
        &self,
        components: &[Component],
        settings: &HttpSettings,
    ) -> Result<(Vec<Component>, HttpSettings), Failure> {
        let names = || listed(components.iter().map(Component::name), "and");
        match self {
            Self::Rest => {
                let is_apart = |one: &&Component| settings.components.contains_key(one.name());
                let rest = components.iter().filter(|one| !is_apart(one));
                let rest: Vec<_> = rest.cloned().collect();
                match rest.is_empty() {
                    true => Err(Failure::usage(format!(
                        "`server.http.address`: every component has an address of its own in `server.http.components` ({}): \
                         leave this address out",
                        names()
                    ))),
                    false => Ok((rest, settings.clone())),
                }
            }
            Self::One(name) => {
                let own = components.iter().find(|one| one.name() == name);
                match own.cloned().zip(settings.of_component(name)) {
                    Some((own, settings)) => Ok((vec![own], settings)),
                    None => Err(Failure::usage(format!(
                        "`server.http.components.{name}`: there is no such component here; the components are {}",
                        names()
                    ))),
                }
            }
        }
    }
}

/// The doors of components, on one address or several.
pub(super) struct Doors {
    /// At least one.
    servers: Vec<HttpServer>,
    concurrency: usize,
}

impl Doors {
    /// The changes are those of the first address.
    pub(super) fn new(
        components: &[Component],
        settings: &HttpSettings,
        listeners: Listeners,
        changes: Vec<ChangeRouter>,
        offering: &Offering,
    ) -> Result<Self, Failure> {
        let mut changes = Some(changes);
        let servers = listeners.0.into_iter().map(|(part, listener)| {
            let (components, settings) = part.of(components, settings)?;
            let doors = soa_http::Doors::of_all(components, settings)?;
            #[cfg(feature = "prometheus")]
            let doors = doors.with_metrics(crate::telemetry::metrics_page()?);
            let told = offering.clone();
            let doors = doors.with_note(move || told.trouble());
            let server = HttpServer::new(doors, listener).map_err(Failure::other)?;
            let changed = |server: HttpServer, change| server.with_router(change);
            Ok(changes.take().into_iter().flatten().fold(server, changed))
        });
        // An address without a component is left to nobody.
        if settings.address.is_none()
            && let Some(left) = (components.iter())
                .find(|component| !settings.components.contains_key(component.name()))
        {
            return Err(Failure::usage(format!(
                "the component `{}` has no address: set `server.http.address`, or one of its own in `server.http.components`",
                left.name()
            )));
        }
        Ok(Self {
            servers: servers.collect::<Result<_, Failure>>()?,
            concurrency: settings.concurrency,
        })
    }

    /// The addresses as URLs.
    pub(super) fn urls(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(HttpServer::url).collect();
        urls.join(", ")
    }

    /// The greatest number of requests that run at once.
    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// The longest time that stopping takes.
    pub(super) fn max_stop_time(&self, grace: Duration) -> Duration {
        let times = self
            .servers
            .iter()
            .map(|server| server.max_stop_time(grace));
        times.max().unwrap_or(grace)
    }

    /// Returns what a registry is told of each component.
    pub(super) async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let mut all = Vec::new();
        for server in &self.servers {
            all.extend(offers(server).await?);
        }
        Ok(all)
    }

    /// Serves until it is told to stop. Then a registry is told first.
    pub(super) async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        offering: Offering,
        grace: Duration,
    ) -> HttpStopped {
        let (left, has_left) = watch::channel(false);
        let doors = self.servers.iter().map(|server| Arc::clone(server.doors()));
        let doors: Vec<_> = doors.collect();
        let leave = async {
            stop.await;
            doors.iter().for_each(|doors| doors.set_draining(true));
            offering.end().await;
            left.send_replace(true);
        };
        let servers = self.servers.into_iter().map(|server| {
            let mut has_left = has_left.clone();
            let leave = async move {
                // A sender that is gone has nothing to wait for.
                let _ = has_left.wait_for(|has_left| *has_left).await;
            };
            server.run_until(leave, grace)
        });
        let (all, ()) = tokio::join!(join_all(servers), leave);
        let sum = |mut sum: HttpStopped, one: HttpStopped| {
            sum.given_up += one.given_up;
            sum.aborted += one.aborted;
            sum.has_unsent |= one.has_unsent;
            sum
        };
        all.into_iter().fold(HttpStopped::default(), sum)
    }
}

/// Returns what a registry is told of the components at an address.
async fn offers(server: &HttpServer) -> Result<Vec<Offer>, Failure> {
    let doors = server.doors();
    let url = server.advertised_url();
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    let found = tokio::net::lookup_host(address).await;
    let host = found.and_then(|mut found| {
        let missing = || io::Error::other("it has no address");
        found.next().ok_or_else(missing)
    });
    let host = host.map_err(|error| {
        Failure::other(format!(
            "the address {address}, which is advertised, cannot be resolved: {error}"
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
