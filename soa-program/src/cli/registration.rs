//! The registration of components: they are known to a registry from when they can be called until they stop.
//!
//! ```text
//! one process   listens, serves, registers ……………………… is told to stop, deregisters, serves for the drain delay, drains
//! --fork        the parent listens, a child tells its offers, the parent registers when all are ready;
//!               told to stop, it deregisters, and tells its children
//! ```
//!
//! So a child that dies does not make the component unknown, whose address the others serve. A registry that is away holds up
//! nothing: its keeper tries again.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use soa_registry::{Address, Keeper, Registry};
use soa_runtime::BuildError;

use super::failure::Failure;
use crate::settings::{Connections, RegistrySettings, Section, Settings};

/// The maximum time of a deregistration.
const STOP_TIME: Duration = Duration::from_secs(2);

/// A component with its addresses, as a registry is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offer {
    pub(super) component: String,
    pub(super) host: SocketAddr,
    /// Channels with their URLs, in the order of preference.
    pub(super) addresses: Vec<(String, String)>,
    pub(super) health: String,
}

/// Registers components. Clones are the same.
#[derive(Clone)]
pub(super) struct Registrar {
    settings: RegistrySettings,
    registry: Arc<dyn Registry>,
    keepers: Arc<OnceLock<Vec<Keeper>>>,
}

impl Registrar {
    /// Opens the registry of the settings; `None` without one.
    pub(super) fn open<S: Section>(
        settings: &Settings<S>,
        connections: &mut Connections,
    ) -> Result<Option<Self>, Failure> {
        let Some(registry) = &settings.server.registry else {
            return Ok(None);
        };
        if !settings.server.serves_http() {
            let message = "a registry needs HTTP, as it tells where a component can be called over HTTP: give the address \
                           with `--http ADDRESS` or the setting `server.http.address`; services on a queue are found by \
                           their names alone, and need no registry";
            return Err(Failure::usage(message));
        }
        Ok(Some(Self {
            registry: connections.registry(registry, settings)?,
            settings: registry.clone(),
            keepers: Arc::default(),
        }))
    }

    /// Makes components known from now on. It works once.
    pub(super) fn register(&self, offers: &[Offer]) -> Result<(), BuildError> {
        let registrations = offers.iter().map(|offer| {
            let addresses = offer.addresses.iter();
            let addresses = addresses.map(|(name, url)| Address::new(name.clone(), url.clone()));
            let addresses = addresses.collect::<Result<_, _>>()?;
            let component = offer.component.clone();
            let settings = &self.settings;
            Ok(settings.registration(component, offer.host, addresses, offer.health.clone()))
        });
        let registrations: Vec<_> = registrations.collect::<Result<_, BuildError>>()?;
        self.keepers.get_or_init(|| {
            let start = |registration| Keeper::start(Arc::clone(&self.registry), registration);
            registrations.into_iter().map(start).collect()
        });
        Ok(())
    }

    /// Makes the components unknown. It takes no longer than [`STOP_TIME`], whatever the registry does.
    pub(super) async fn stop(&self) {
        let keepers = self.keepers.get().into_iter().flatten();
        join_all(keepers.map(Keeper::stop)).await;
    }

    /// Returns the maximum time of [`stop`](Self::stop).
    pub(super) fn max_stop_time() -> Duration {
        STOP_TIME
    }

    /// Returns the reason why the registry may not know a component.
    pub(super) fn trouble(&self) -> Option<String> {
        let keepers = self.keepers.get().into_iter().flatten();
        keepers.filter_map(Keeper::trouble).next()
    }

    /// Returns the address of the registry, without its secrets.
    pub(super) fn shown_address(&self) -> String {
        self.registry.shown_address()
    }
}
