//! The route to a service.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::Encoding;
use crate::descriptor::ServiceDescriptor;
use crate::exchange::ClientStage;
use crate::message::Name;
use crate::observe::meter::RouteMeters;
use crate::stack::{Stack, StackBuilder};
use crate::transport::ClientTransport;

/// A service and its transport. Typed clients keep theirs, so that a call looks nothing up.
pub(crate) struct Route {
    pub(crate) service: Name,
    /// `None` for a service that the client does not know: its calls fail.
    pub(super) transport: Option<Arc<dyn ClientTransport>>,
    /// `None` where there is no transport.
    pub(super) meters: Option<RouteMeters>,
    /// The middleware around calls of this service alone. It is inside of the middleware around all calls.
    pub(super) middleware: Stack<ClientStage>,
    /// Makes the transport to the same service under a name that is spelled differently; `None` if the name of this
    /// route is known exactly.
    pub(super) respell: Option<Respell>,
}

/// A function that makes a transport to the service of a name.
pub(super) type Respell = Arc<dyn Fn(Name) -> Arc<dyn ClientTransport> + Send + Sync>;

impl Route {
    /// A route without middleware of its own.
    pub(super) fn new(service: Name, transport: Arc<dyn ClientTransport>) -> Self {
        Self {
            transport: Some(transport),
            meters: Some(RouteMeters::new(&service)),
            middleware: StackBuilder::new().build(),
            respell: None,
            service,
        }
    }

    /// This route for the service of a name that differs from the one here in case, dashes, dots and underscores only.
    pub(super) fn respelled(&self, service: &Name) -> Option<Self> {
        let respell = self.respell.as_ref()?;
        let plain = |name: &str| name.to_lowercase().replace(['-', '.'], "_");
        if plain(&self.service) != plain(service) {
            return None;
        }
        tracing::info!(%service, named = %self.service, "found the route that a variable has named");
        let mut route = Self::new(service.clone(), respell(service.clone()));
        route.middleware = self.middleware.clone();
        Some(route)
    }

    /// The route to a service that the client does not know.
    pub(super) fn unknown(service: Name) -> Self {
        Self {
            service,
            transport: None,
            meters: None,
            middleware: StackBuilder::new().build(),
            respell: None,
        }
    }

    /// The encoding of request bodies.
    pub(crate) fn encoding(&self) -> Encoding {
        let transport = self.transport.as_ref();
        transport.map_or(Encoding::MessagePack, |transport| transport.encoding())
    }

    /// The time limit of calls that have none of their own.
    pub(super) fn default_timeout(&self) -> Option<Duration> {
        self.transport.as_ref()?.default_timeout()
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.service).finish()
    }
}

/// A route, with what a typed caller knows of the service behind it.
#[derive(Clone, Debug)]
pub(crate) struct Callee {
    pub(super) route: Arc<Route>,
    pub(super) descriptor: Option<&'static ServiceDescriptor>,
}

impl From<Arc<Route>> for Callee {
    fn from(route: Arc<Route>) -> Self {
        Self {
            route,
            descriptor: None,
        }
    }
}

impl Deref for Callee {
    type Target = Route;

    fn deref(&self) -> &Route {
        &self.route
    }
}
