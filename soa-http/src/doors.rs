//! The doors of a component: its services, their routes, and the limits of all requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use soa_runtime::server::DoorStop;
use soa_runtime::{Channel, Component};
use soa_wire::BuildError;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cors::Cors;
use crate::hosted::Hosted;
use crate::probe::Probe;
use crate::protobuf::Protobuf;
use crate::route::{RoutePlan, plans};
use crate::settings::HttpSettings;

/// The paths at and below which descriptions are that no route may replace. A route may be at `/report`.
pub(crate) const DESCRIPTIONS: [&str; 4] = ["/openapi.json", "/report-protobuf", "/docs", "/redoc"];

/// The number of bodies of the largest size that may be received at once. Only the bytes that have come count, and small
/// bodies do not.
const LARGE_BODIES: usize = 64;

/// The doors of a component.
#[derive(Debug)]
pub struct Doors {
    component: Component,
    services: Vec<Arc<Hosted>>,
    routes: Vec<Arc<RoutePlan>>,
    protobuf: Option<Protobuf>,
    channels: Vec<Channel>,
    settings: HttpSettings,
    permits: Semaphore,
    /// Bytes of large bodies that may be received at once.
    bodies: Semaphore,
    cors: Option<Cors>,
    stop: DoorStop,
    is_draining: AtomicBool,
    warning_status: StatusCode,
    metrics: Option<Rendered>,
    readiness: Vec<Readiness>,
}

/// A function that writes the metrics of the process.
struct Rendered(Box<dyn Fn() -> String + Send + Sync>);

/// A function that returns the reason why the process is not ready.
struct Readiness(Box<dyn Fn() -> Option<String> + Send + Sync>);

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered").finish_non_exhaustive()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").finish_non_exhaustive()
    }
}

impl Doors {
    /// Returns the doors of a component.
    ///
    /// # Errors
    /// An action cannot be called by one of the doors: it is named, with its field and the reason. Or two things have the same
    /// path, or a setting cannot be used.
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
        let status = settings.health_warning_status;
        let warning_status = StatusCode::from_u16(status).map_err(|_| {
            BuildError::new(format!("`health_warning_status`: {status} is no status"))
        })?;
        let protobuf = match channels.contains(&Channel::Protobuf) {
            true => Some(Protobuf::new(services.iter().map(|hosted| &**hosted))?),
            false => None,
        };
        let doors = Self {
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
            protobuf,
            channels,
            settings,
            stop: DoorStop::default(),
            is_draining: AtomicBool::new(false),
            warning_status,
            metrics: None,
            readiness: Vec::new(),
        };
        doors.refuse_taken_paths()?;
        Ok(doors)
    }

    /// Serves the metrics that the function writes, in the text form of Prometheus.
    ///
    /// ```
    /// use soa_http::{Doors, HttpSettings};
    ///
    /// let server = soa_runtime::Server::untyped("tools", "1.0.0").build()?;
    /// let doors = Doors::new(server.into(), HttpSettings::default())?
    ///     .with_metrics(|| "# TYPE up gauge\nup 1\n".to_owned());
    /// # Ok::<(), soa_runtime::BuildError>(())
    /// ```
    #[must_use]
    pub fn with_metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Rendered(Box::new(render)));
        self
    }

    /// Adds a reason not to be ready: the process is not while the function returns one. It is asked for each probe, so it
    /// must not wait.
    #[must_use]
    pub fn with_readiness(
        mut self,
        reason: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.readiness.push(Readiness(Box::new(reason)));
        self
    }

    /// Sets whether the doors drain: requests are still answered, but the process is not ready for further ones.
    pub fn set_draining(&self, is_draining: bool) {
        self.is_draining.store(is_draining, Ordering::Release);
    }

    /// Returns true if the doors drain.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Returns the reasons why no requests should be sent here.
    pub(crate) fn unready(&self) -> Vec<String> {
        let draining = self.is_draining().then(|| "the process stops".to_owned());
        let is_full = self.permits.available_permits() == 0;
        let full = is_full.then(|| {
            let most = self.settings.concurrency;
            format!("{most} requests run, and there is no room for more")
        });
        let others = self.readiness.iter().filter_map(|reason| (reason.0)());
        draining.into_iter().chain(full).chain(others).collect()
    }

    pub(crate) fn warning_status(&self) -> StatusCode {
        self.warning_status
    }

    pub(crate) fn rendered_metrics(&self) -> Option<String> {
        self.metrics.as_ref().map(|metrics| (metrics.0)())
    }

    /// Returns the probes with their paths.
    pub(crate) fn probes(&self) -> impl Iterator<Item = (&str, Probe)> {
        let settings = &self.settings;
        let metrics = match self.metrics {
            Some(_) => settings.metrics.as_str(),
            None => "",
        };
        let probes = [
            (settings.live.as_str(), Probe::Live),
            (settings.ready.as_str(), Probe::Ready),
            (metrics, Probe::Metrics),
        ];
        probes.into_iter().filter(|(path, _)| !path.is_empty())
    }

    /// Refuses two things with the same path.
    fn refuse_taken_paths(&self) -> Result<(), BuildError> {
        let settings = &self.settings;
        let calls = settings.calls.trim_end_matches('/');
        let below = |places: &str| match calls {
            "" => String::new(),
            calls => format!("{calls}{places}"),
        };
        let is_dispatch = |channel: &Channel| *channel != Channel::Rest;
        let invoke = match self.channels.iter().any(is_dispatch) {
            true => "/invoke",
            false => "",
        };
        let own = [
            ("the setting `live`", settings.live.clone()),
            ("the setting `ready`", settings.ready.clone()),
            ("the setting `metrics`", settings.metrics.clone()),
            ("the health path", self.component.health_path().to_owned()),
            ("the dispatch door", invoke.to_owned()),
            ("the setting `calls`", below("/{}")),
            ("the setting `calls`", below("/{}/{}")),
        ];
        let mut taken: Vec<(&str, &str)> = Vec::new();
        for (name, path) in own.iter().filter(|(_, path)| !path.is_empty()) {
            let is_path = path.starts_with('/') && !path.contains(['?', '#', '*']);
            if !is_path || path.replace("{}", "").contains(['{', '}']) {
                return Err(BuildError::new(format!(
                    "{name}: `{path}` is no path: a path starts with a slash, and has no braces"
                )));
            }
            let path = without_slash(path);
            if let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == path) {
                return Err(BuildError::new(format!(
                    "{other} and {name} have the same path `{path}`"
                )));
            }
            taken.push((name, path));
        }
        if settings.docs {
            taken.extend(DESCRIPTIONS.map(|path| ("the setting `docs`", path)));
        }
        for plan in &self.routes {
            let shape = plan.shape();
            let shape = without_slash(&shape);
            let is_within = |taken: &str| {
                let below = shape.strip_prefix(taken);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            // What is below calls has places for any name.
            let is_taken = |taken: &str| is_within(taken.trim_end_matches("/{}"));
            if let Some((other, path)) = taken.iter().find(|(_, taken)| is_taken(taken)) {
                let (service, action) = (plan.hosted.server.name(), plan.offered.name());
                return Err(BuildError::new(format!(
                    "the route `{}` of the action `{service}.{action}` is at or below `{path}`, which is that of {other}",
                    plan.path
                )));
            }
        }
        Ok(())
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

    /// Returns the messages of protobuf; `None` if that channel is closed.
    pub(crate) fn protobuf(&self) -> Option<&Protobuf> {
        self.protobuf.as_ref()
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Returns the channels, in the order in which the component offers them.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Returns the address of each channel, in the order of preference, where the doors are at this URL.
    ///
    /// ```
    /// use soa_http::{Doors, HttpSettings};
    /// use soa_runtime::Channel;
    ///
    /// let server = soa_runtime::Server::untyped("tools", "1.0.0").build()?;
    /// let doors = Doors::new(server.into(), HttpSettings::default())?;
    /// let addresses = doors.addresses("http://10.0.0.1:8000");
    /// assert_eq!(addresses[0], (Channel::Rest, "http://10.0.0.1:8000".to_owned()));
    /// assert_eq!(addresses[3], (Channel::Call, "http://10.0.0.1:8000/call".to_owned()));
    /// # Ok::<(), soa_runtime::BuildError>(())
    /// ```
    pub fn addresses(&self, url: &str) -> Vec<(Channel, String)> {
        let url = without_slash(url);
        let address = |channel: &Channel| match channel {
            Channel::Call => format!("{url}{}", without_slash(&self.settings.calls)),
            _ => url.to_owned(),
        };
        let channels = self.channels.iter();
        channels
            .map(|channel| (*channel, address(channel)))
            .collect()
    }

    /// Returns the end of the jobs of these doors.
    pub fn stop(&self) -> &DoorStop {
        &self.stop
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

/// Returns a path without the slash at its end: it is the same path.
pub(crate) fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}

/// Returns the channels: those that the component declares, or those that the settings open.
fn channels(component: &Component, settings: &HttpSettings) -> Vec<Channel> {
    let declared = component.channels();
    let is_open = |channel: &Channel| match channel {
        Channel::Rest => settings.rest,
        Channel::Json => settings.json,
        Channel::MessagePack => settings.msgpack,
        Channel::Protobuf => settings.protobuf.unwrap_or(declared.is_some()),
        Channel::Call => !settings.calls.is_empty(),
    };
    let offered = declared.unwrap_or(&Channel::ALL).iter().copied();
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
