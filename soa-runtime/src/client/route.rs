//! The route to a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::Encoding;
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
}

impl Route {
    /// A route without middleware of its own.
    pub(super) fn new(service: Name, transport: Arc<dyn ClientTransport>) -> Self {
        Self {
            transport: Some(transport),
            meters: Some(RouteMeters::new(&service)),
            middleware: StackBuilder::new().build(),
            service,
        }
    }

    /// The route to a service that the client does not know.
    pub(super) fn unknown(service: Name) -> Self {
        Self {
            service,
            transport: None,
            meters: None,
            middleware: StackBuilder::new().build(),
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
