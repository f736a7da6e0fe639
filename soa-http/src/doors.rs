//! The doors of components: their services, their routes, and the limits of all requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use soa_runtime::server::DoorStop;
use soa_runtime::{Channel, Component};
use soa_wire::{BuildError, Name, redact};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cors::Cors;
use crate::hosted::Hosted;
use crate::places::{Place, Places};
use crate::probe::Probe;
use crate::protobuf::Protobuf;
use crate::route::{RoutePlan, plans};
use crate::settings::HttpSettings;

/// The paths at and below which descriptions are that no route may replace. A route may be at `/report`.
pub(crate) const DESCRIPTIONS: [&str; 4] = ["/openapi.json", "/report-protobuf", "/docs", "/redoc"];

/// The number of bodies of the largest size that may be received at once. Only the bytes that have come count, and small
/// bodies do not.
const LARGE_BODIES: usize = 64;

/// The names of methods that clients of Aspyx have themselves: they cannot call such actions.
const NAMES_OF_ASPYX: [&str; 3] = ["create", "type", "invocation_handler"];

/// The doors of a component, or of several at one address.
#[derive(Debug)]
pub struct Doors {
    /// The components, each with its channels.
    components: Vec<(Component, Arc<[Channel]>)>,
    services: Vec<Arc<Hosted>>,
    routes: Vec<Arc<RoutePlan>>,
    protobuf: Option<Protobuf>,
    channels: Vec<Channel>,
    settings: HttpSettings,
    places: Places,
    /// Bytes of large bodies that may be received at once.
    bodies: Semaphore,
    cors: Option<Cors>,
    stop: DoorStop,
    is_draining: AtomicBool,
    warning_status: StatusCode,
    metrics: Option<Rendered>,
    readiness: Vec<Readiness>,
    notes: Vec<Readiness>,
    /// The URL by which others reach the listener.
    url: Option<String>,
}

/// A function that writes the metrics of the process.
struct Rendered(Box<dyn Fn() -> String + Send + Sync>);

/// A function that returns the reason why the process is not ready, or a note beside such reasons.
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
        Self::of_all([component], settings)
    }

    /// Returns the doors of several components at one address. They share the paths of calls, of probes and of descriptions;
    /// each has its own health path.
    ///
    /// ```
    /// use soa_http::{Doors, HttpSettings};
    /// use soa_runtime::{Component, ComponentBuilder, Server};
    ///
    /// let library = Component::builder("library").service(Server::untyped("books", "1.0.0"));
    /// let shop = Component::builder("shop").service(Server::untyped("orders", "1.0.0"));
    /// let all = ComponentBuilder::build_all([library, shop.health_path("/shop/health")])?;
    /// let router = Doors::of_all(all, HttpSettings::default())?.into_router();
    /// # Ok::<(), soa_runtime::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// See [`new`](Self::new). Or two services have the same name.
    pub fn of_all(
        components: impl IntoIterator<Item = Component>,
        settings: HttpSettings,
    ) -> Result<Self, BuildError> {
        // Neither logs nor calls to other services show it.
        redact::hide_token(&settings.token_key);
        let components = components.into_iter().map(|component| {
            let channels = channels(&component, &settings);
            (component, Arc::from(channels))
        });
        let components: Vec<(Component, Arc<[Channel]>)> = components.collect();
        let mut services: Vec<Arc<Hosted>> = Vec::new();
        for (component, channels) in &components {
            let name = Name::from(component.name().to_owned());
            for server in component.services() {
                let mut others = services.iter();
                if others.any(|other| other.server.name() == server.name()) {
                    let twice = server.name();
                    return Err(BuildError::new(format!(
                        "two services have the name `{twice}`"
                    )));
                }
                let hosted = Hosted::new(server.clone(), name.clone(), Arc::clone(channels))?;
                services.push(Arc::new(hosted));
            }
            if component.channels().is_some() {
                warn_of_names(component);
            }
        }
        let mut channels: Vec<Channel> = Vec::new();
        for channel in components.iter().flat_map(|(_, channels)| &**channels) {
            if !channels.contains(channel) {
                channels.push(*channel);
            }
        }
        let mut routes: Vec<Arc<RoutePlan>> = Vec::new();
        for hosted in services.iter().filter(|one| one.offers(Channel::Rest)) {
            for plan in plans(hosted)? {
                refuse_twins(&routes, &plan)?;
                routes.push(Arc::new(plan));
            }
        }
        let status = settings.health_warning_status;
        let warning_status = StatusCode::from_u16(status).map_err(|_| {
            BuildError::new(format!("`health_warning_status`: {status} is no status"))
        })?;
        let protobuf = match channels.contains(&Channel::Protobuf) {
            true => {
                let offering = services.iter().filter(|one| one.offers(Channel::Protobuf));
                Some(Protobuf::new(offering.map(|hosted| &**hosted))?)
            }
            false => None,
        };
        let doors = Self {
            places: Places::new(settings.concurrency),
            bodies: Semaphore::new(
                settings
                    .max_body
                    .saturating_mul(LARGE_BODIES)
                    .min(Semaphore::MAX_PERMITS),
            ),
            cors: settings.cors.as_ref().map(Cors::new).transpose()?,
            components,
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
            notes: Vec::new(),
            url: None,
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

    /// Adds a note to the answer of `/readyz`, which is there while the function returns one. The process is ready all the
    /// same. The function is asked for each probe, so it must not wait.
    #[must_use]
    pub fn with_note(mut self, note: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.notes.push(Readiness(Box::new(note)));
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
        let is_full = self.is_full();
        let full = is_full.then(|| {
            let most = self.settings.concurrency;
            format!("{most} requests run, and there is no room for more")
        });
        let others = self.readiness.iter().filter_map(|reason| (reason.0)());
        draining.into_iter().chain(full).chain(others).collect()
    }

    /// Sets the URL by which others reach the listener.
    pub(crate) fn set_url(&mut self, url: String) {
        self.url = Some(url);
    }

    /// Returns the URL by which others reach the listener; `None` without one of ours.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Returns what there is to know of a process that takes requests.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.iter().filter_map(|note| (note.0)()).collect()
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
        let is_dispatch = |channel: &Channel| !matches!(channel, Channel::Rest | Channel::Call);
        let invoke = match self.channels.iter().any(is_dispatch) {
            true => "/invoke",
            false => "",
        };
        let mut own = vec![
            ("the setting `live`", settings.live.clone()),
            ("the setting `ready`", settings.ready.clone()),
            ("the setting `metrics`", settings.metrics.clone()),
            ("the dispatch door", invoke.to_owned()),
            ("the setting `calls`", below("/{}")),
            ("the setting `calls`", below("/{}/{}")),
        ];
        let name_of = |one: &Component| match self.components.len() {
            1 => "the health path".to_owned(),
            _ => format!("the health path of `{}`", one.name()),
        };
        let own_health: Vec<String> = self.components().map(name_of).collect();
        let health = own_health.iter().zip(self.components());
        own.extend(health.map(|(name, one)| (name.as_str(), one.health_path().to_owned())));
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

    /// Returns the components.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.iter().map(|(component, _)| component)
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

    /// Returns the channels, in the order in which the components offer them.
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
    /// assert_eq!(addresses[0], (Channel::Json, "http://10.0.0.1:8000".to_owned()));
    /// assert_eq!(addresses[2], (Channel::Call, "http://10.0.0.1:8000/call".to_owned()));
    /// # Ok::<(), soa_runtime::BuildError>(())
    /// ```
    pub fn addresses(&self, url: &str) -> Vec<(Channel, String)> {
        self.addresses_at(&self.channels, url)
    }

    /// Returns the address of each channel of one component, as [`addresses`](Self::addresses) does of all.
    pub fn addresses_of(&self, component: &Component, url: &str) -> Vec<(Channel, String)> {
        let mut components = self.components.iter();
        let found = components.find(|(one, _)| one.name() == component.name());
        found.map_or_else(Vec::new, |(_, channels)| self.addresses_at(channels, url))
    }

    fn addresses_at(&self, channels: &[Channel], url: &str) -> Vec<(Channel, String)> {
        let url = without_slash(url);
        let address = |channel: &Channel| match channel {
            Channel::Call => format!("{url}{}", without_slash(&self.settings.calls)),
            _ => url.to_owned(),
        };
        let channels = channels.iter();
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
    pub(crate) fn enter(&self) -> Option<Place<'_>> {
        self.places.take()
    }

    /// True if all places are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.places.are_taken()
    }

    /// Takes room for bytes of a large body; `None` if there is none.
    pub(crate) fn make_room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        self.bodies
            .try_acquire_many(u32::try_from(bytes).ok()?)
            .ok()
    }
}

/// Warns of actions that clients of Aspyx cannot call by name.
fn warn_of_names(component: &Component) {
    for server in component.services() {
        let names = server.action_names().into_iter();
        for action in names.filter(|name| NAMES_OF_ASPYX.contains(name)) {
            let service = server.name();
            tracing::warn!(
                service,
                action,
                "clients of Aspyx cannot call an action of this name, as they have a method of their own with it: rename it \
                 with `#[action(name = \"…\")]`"
            );
        }
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
        // What is declared is told, and otherwise what there is.
        Channel::Rest => settings.rest && (declared.is_some() || has_routes(component)),
        Channel::Json => settings.json,
        Channel::MessagePack => settings.msgpack,
        Channel::Protobuf => settings.protobuf.unwrap_or(declared.is_some()),
        Channel::Call => !settings.calls.is_empty(),
    };
    let offered = declared.unwrap_or(&Channel::ALL).iter().copied();
    let mut open: Vec<Channel> = offered.filter(is_open).collect();
    if settings.protobuf == Some(true) && !open.contains(&Channel::Protobuf) {
        open.push(Channel::Protobuf);
    }
    open
}

fn has_routes(component: &Component) -> bool {
    let services = component.services().iter();
    let mut actions =
        services.flat_map(|server| server.descriptor().map_or(&[][..], |one| one.actions()));
    actions.any(|action| !action.declared().for_http().all_routes().is_empty())
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
