//! The doors of a component: its services, their routes, and the limits of all requests.

use std::sync::Arc;

use soa_runtime::server::DoorStop;
use soa_runtime::{Channel, Component};
use soa_wire::BuildError;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cors::Cors;
use crate::hosted::Hosted;
use crate::route::{RoutePlan, plans};
use crate::settings::HttpSettings;

/// The number of bodies of the largest size that may be received at once. Only the bytes that have come count, and small
/// bodies do not.
const LARGE_BODIES: usize = 64;

/// The doors of a component.
#[derive(Debug)]
pub struct Doors {
    component: Component,
    services: Vec<Arc<Hosted>>,
    routes: Vec<Arc<RoutePlan>>,
    channels: Vec<Channel>,
    settings: HttpSettings,
    permits: Semaphore,
    /// Bytes of large bodies that may be received at once.
    bodies: Semaphore,
    cors: Option<Cors>,
    stop: DoorStop,
}

impl Doors {
    /// Returns the doors of a component.
    ///
    /// # Errors
    /// An action cannot be called by one of the doors: it is named, with its field and the reason.
    pub fn new(component: Component, settings: HttpSettings) -> Result<Self, BuildError> {
        let services = component.services().iter().cloned();
        let services: Vec<Arc<Hosted>> = services
            .map(|server| Hosted::new(server).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let channels = channels(&component, &settings);
        let mut routes: Vec<Arc<RoutePlan>> = Vec::new();
        if channels.contains(&Channel::Rest) {
            for hosted in &services {
                for plan in plans(hosted)? {
                    refuse_twins(&routes, &plan)?;
                    routes.push(Arc::new(plan));
                }
            }
        }
        Ok(Self {
            permits: Semaphore::new(settings.concurrency.min(Semaphore::MAX_PERMITS)),
            bodies: Semaphore::new(
                settings
                    .max_body
                    .saturating_mul(LARGE_BODIES)
                    .min(Semaphore::MAX_PERMITS),
            ),
            cors: settings.cors.as_ref().map(Cors::new).transpose()?,
            component,
            services,
            routes,
            channels,
            settings,
            stop: DoorStop::default(),
        })
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    pub(crate) fn services(&self) -> &[Arc<Hosted>] {
        &self.services
    }

    pub(crate) fn routes(&self) -> &[Arc<RoutePlan>] {
        &self.routes
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Returns the channels, in the order in which the component offers them.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Returns the end of the jobs of these doors.
    pub fn stop(&self) -> &DoorStop {
        &self.stop
    }

    /// Returns a service of a component. One with an unknown component is found if it is the only one of its name.
    pub(crate) fn service(&self, component: &str, name: &str) -> Option<&Hosted> {
        // There is one component, and the names of its services are unique.
        let _ = component;
        self.named(name)
    }

    /// Returns the service of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Hosted> {
        let mut services = self.services.iter();
        let found = services.find(|hosted| hosted.server.name() == name);
        found.map(|hosted| &**hosted)
    }

    pub(crate) fn cors(&self) -> Option<&Cors> {
        self.cors.as_ref()
    }

    /// Takes a place for a request; `None` if all are taken.
    pub(crate) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.try_acquire().ok()
    }

    /// True if all places are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// Takes room for bytes of a large body; `None` if there is none.
    pub(crate) fn make_room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        self.bodies
            .try_acquire_many(u32::try_from(bytes).ok()?)
            .ok()
    }
}

/// Returns the channels: those that the component declares, or those that the settings open.
fn channels(component: &Component, settings: &HttpSettings) -> Vec<Channel> {
    let declared = component.channels();
    let all = [
        Channel::Rest,
        Channel::Json,
        Channel::MessagePack,
        Channel::Protobuf,
    ];
    let is_open = |channel: &Channel| match channel {
        Channel::Rest => settings.rest,
        Channel::Json => settings.json,
        Channel::MessagePack => settings.msgpack,
        Channel::Protobuf => settings.protobuf.unwrap_or(declared.is_some()),
    };
    let offered = declared.unwrap_or(&all).iter().copied();
    offered.filter(is_open).collect()
}

/// Refuses a route that matches the same requests as one of another service.
fn refuse_twins(routes: &[Arc<RoutePlan>], plan: &RoutePlan) -> Result<(), BuildError> {
    let is_twin =
        |other: &&Arc<RoutePlan>| other.method == plan.method && other.shape() == plan.shape();
    let Some(twin) = routes.iter().find(is_twin) else {
        return Ok(());
    };
    let name = |plan: &RoutePlan| format!("{}.{}", plan.hosted.server.name(), plan.offered.name());
    Err(BuildError::new(format!(
        "the actions `{}` and `{}` have the same route `{} {}`",
        name(twin),
        name(plan),
        plan.method.as_str(),
        plan.path,
    )))
}
