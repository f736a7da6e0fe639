//! The client itself: a handle to routes, middleware and a base context.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::own_service::Places;
use super::route::Route;
use crate::exchange::{ClientRequest, ClientStage};
use crate::expansion::Expansions;
use crate::message::{ContextHeader, Name};
use crate::observe::record::CalledRecord;
use crate::stack::Stack;
use crate::transport::{ClientTransport, ComponentSource, Misconfigured};

/// Calls services. Cheap to clone.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Client, LocalTransport, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tools = Server::untyped("tools", "1.0.0").build()?;
/// let client = Client::builder().service("tools", LocalTransport::new(tools)).build()?;
/// let status = client.call_action("tools", "status", &()).await?;
/// assert!(client.services().eq(["tools"]));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<ClientShared>,
    /// The context that every call starts from. An empty correlation id stands for none yet.
    pub(super) base: Arc<ContextHeader>,
    /// The deadline of the job that makes the calls.
    pub(super) deadline: Option<Instant>,
    /// The places of the server whose handler makes the calls.
    pub(super) places: Option<Arc<Places>>,
}

/// The part of a client that its clones share.
pub(super) struct ClientShared {
    pub(super) routes: HashMap<Name, Arc<Route>>,
    /// The services of the same process. A route of the same name goes first.
    pub(super) hosted: HashMap<Name, Arc<Route>>,
    /// Source of the components that contracts name, for typed clients.
    pub(super) components: Option<Components>,
    pub(super) middleware: Stack<ClientStage>,
    pub(super) expansions: Expansions,
    /// The routes that were found by another spelling of their names, or by the component that offers the service.
    pub(super) found: Mutex<HashMap<Name, Arc<Route>>>,
}

/// A source of components that clients share.
pub(super) type Components = Arc<dyn ComponentSource + Send + Sync>;

/// The maximum number of routes that are found. A program needs one for each service.
const MAX_FOUND: usize = 256;

impl ClientShared {
    /// Returns the route of a request. Middleware may send it to another service than it was made for.
    pub(super) fn route_of<'a>(
        &'a self,
        request: &ClientRequest,
        called: &'a Arc<Route>,
    ) -> &'a Arc<Route> {
        let hosted = || self.hosted.get(&request.service);
        let known = self.routes.get(&request.service).or_else(hosted);
        known.unwrap_or(called)
    }
}

impl Client {
    /// Returns the same client for a chain: every call inherits this context.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Client, ContextHeader};
    ///
    /// # fn example(client: Client, of_message: ContextHeader) {
    /// // The calls continue the chain of a message that came in another way.
    /// let client = client.inheriting(of_message);
    /// # }
    /// ```
    #[must_use]
    pub fn inheriting(&self, context: ContextHeader) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            base: Arc::new(context),
            deadline: self.deadline,
            places: self.places.clone(),
        }
    }

    /// Returns the same client, whose calls end at this deadline or at the one it has, whichever is earlier.
    pub(crate) fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline.into_iter().chain(self.deadline).min();
        self
    }

    /// Returns the same client for a handler of a server with these places.
    pub(crate) fn within_server(mut self, places: Arc<Places>) -> Self {
        self.places = Some(places);
        self
    }

    /// Returns the same client with other transports for these services.
    pub(crate) fn rerouted(
        &self,
        routes: impl IntoIterator<Item = (Name, Arc<dyn ClientTransport>)>,
    ) -> Self {
        let mut known = self.shared.routes.clone();
        for (service, transport) in routes {
            let mut route = Route::new(service.clone(), transport);
            if let Some(before) = known.get(&service) {
                route.middleware = before.middleware.clone();
            }
            known.insert(service, Arc::new(route));
        }
        self.with_routes(known, self.shared.hosted.clone())
    }

    /// Returns the same client, which calls these services of its own process where it has no route to them.
    pub(crate) fn hosting(
        &self,
        services: impl IntoIterator<Item = (Name, Arc<dyn ClientTransport>)>,
    ) -> Self {
        let hosted = services.into_iter().map(|(service, transport)| {
            let route = Route::new(service.clone(), transport);
            (service, Arc::new(route))
        });
        self.with_routes(self.shared.routes.clone(), hosted.collect())
    }

    fn with_routes(
        &self,
        routes: HashMap<Name, Arc<Route>>,
        hosted: HashMap<Name, Arc<Route>>,
    ) -> Self {
        let shared = ClientShared {
            routes,
            hosted,
            components: self.shared.components.clone(),
            middleware: self.shared.middleware.clone(),
            expansions: self.shared.expansions.clone(),
            found: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            base: Arc::clone(&self.base),
            deadline: self.deadline,
            places: self.places.clone(),
        }
    }

    /// Returns the transport of a service.
    pub(crate) fn transport(&self, service: &str) -> Option<Arc<dyn ClientTransport>> {
        let hosted = || self.shared.hosted.get(service);
        let route = self.shared.routes.get(service).or_else(hosted)?;
        route.transport.clone()
    }

    /// Returns true if there may be a route to this service: also one whose name a variable of the environment has spelled, or
    /// one to a component that its contract names.
    pub(crate) fn may_have_route(&self, service: &'static str) -> bool {
        let has_components = self.shared.components.is_some();
        has_components || self.route(Name::from_static(service)).transport.is_some()
    }

    /// Returns the context that every call starts from.
    pub fn base_context(&self) -> &ContextHeader {
        &self.base
    }

    /// Returns the names of the services that this client has routes to, sorted. Services of the same process, which need no
    /// route, are not among them.
    pub fn services(&self) -> impl Iterator<Item = &Name> {
        let mut names: Vec<&Name> = self.shared.routes.keys().collect();
        names.sort();
        names.into_iter()
    }

    /// Returns the services that were called, with the numbers of calls.
    pub(crate) fn called(&self) -> BTreeMap<String, CalledRecord> {
        let shared = &self.shared;
        // Nothing panics while this is held.
        let found = shared.found.lock().unwrap_or_else(PoisonError::into_inner);
        let routes = shared.routes.values().chain(shared.hosted.values());
        let routes = routes.chain(found.values());
        let called = routes.filter_map(|route| {
            let made = route.meters.as_ref()?.made();
            (made.calls > 0).then(|| (route.service.to_string(), made))
        });
        called.collect()
    }

    /// Returns the route to a service.
    pub(crate) fn route(&self, service: Name) -> Arc<Route> {
        match self.shared.routes.get(&service) {
            Some(route) => Arc::clone(route),
            None => {
                let hosted = || self.shared.hosted.get(&service).map(Arc::clone);
                let known = self.respelled(&service).or_else(hosted);
                known.unwrap_or_else(|| Arc::new(Route::unknown(service)))
            }
        }
    }

    /// Returns the route to a service without one of its own: to the component that offers it.
    pub(super) fn route_to_component(&self, service: &Name, component: &str) -> Option<Arc<Route>> {
        let components = self.shared.components.as_ref()?;
        self.find(service, || {
            let transport = components.transport(component, None);
            let transport = transport.unwrap_or_else(|error| Arc::new(Misconfigured::new(error)));
            Some(Route::new(service.clone(), transport))
        })
    }

    /// Returns the route to a service that was found before, or that is found now.
    fn find(&self, service: &Name, find: impl FnOnce() -> Option<Route>) -> Option<Arc<Route>> {
        // Nothing panics while this is held.
        let known = self.shared.found.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = known.get(service) {
            return Some(Arc::clone(route));
        }
        if known.len() >= MAX_FOUND {
            return None;
        }
        let route = Arc::new(find()?);
        known.insert(service.clone(), Arc::clone(&route));
        Some(route)
    }

    /// Returns the route whose name was spelled differently.
    fn respelled(&self, service: &Name) -> Option<Arc<Route>> {
        let mut roughly = self.shared.routes.values();
        if !roughly.any(|route| route.respell.is_some()) {
            return None;
        }
        self.find(service, || {
            let mut routes = self.shared.routes.values();
            routes.find_map(|route| route.respelled(service))
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut services: Vec<_> = self.shared.routes.keys().collect();
        services.sort();
        f.debug_struct("Client")
            .field("services", &services)
            .field("middleware", &self.shared.middleware.len())
            .finish_non_exhaustive()
    }
}
