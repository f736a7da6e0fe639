//! Channels by name: the ways in which this process can call an instance.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use soa_runtime::BuildError;
use soa_runtime::client::ClientRequest;
use soa_runtime::transport::ClientTransport;
use soa_wire::Name;

/// The calls that a channel can carry, from few to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carries {
    /// Those of actions with a route, by typed clients.
    Routed,
    /// Those of typed clients, and those with positions.
    Typed,
    /// All of them.
    All,
}

/// A way to call an instance, by its name in registries.
///
/// A registry says `fancy(http://10.0.0.1:8000)`, and whoever has registered a channel `fancy` calls the instance by it:
///
/// ```
/// use std::sync::Arc;
/// use soa_registry::{Channel, Channels};
/// use soa_runtime::transport::ClientTransport;
/// use soa_runtime::{BuildError, LocalTransport, Server};
///
/// struct Fancy;
///
/// impl Channel for Fancy {
///     fn name(&self) -> &str {
///         "fancy"
///     }
///
///     fn open(&self, _component: &str, _url: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
///         // Usually a transport of one's own, to this URL.
///         let server = Server::untyped("tools", "1.0.0").build()?;
///         Ok(Arc::new(LocalTransport::new(server)))
///     }
/// }
///
/// let channels = Channels::new().with(Fancy);
/// assert!(channels.names().eq(["fancy"]));
/// ```
pub trait Channel: Send + Sync + 'static {
    /// Returns the name: a word of letters, digits, `-` and `_`.
    fn name(&self) -> &str;

    /// Makes the transport to a component at a URL. This is called when the address is first called, and once for as long as
    /// the address is in the list of the registry. It should not connect yet.
    ///
    /// The transport says why a call failed: [`Unreachable`](soa_runtime::TransportErrorKind::Unreachable) if nothing was
    /// sent, so that another address is called at once, and [`Interrupted`](soa_runtime::TransportErrorKind::Interrupted) if
    /// the job may have been run.
    ///
    /// # Errors
    /// The channel cannot use the URL.
    fn open(&self, component: &str, url: &str) -> Result<Arc<dyn ClientTransport>, BuildError>;

    /// Returns the calls that the channel can carry. Without a preferred channel, an instance is called by the one that carries
    /// most; among equals, by the first of its own order. All calls by default.
    fn carries(&self) -> Carries {
        Carries::All
    }

    /// Returns true if the rules of the channel allow that this request is sent again after it was lost, though its actions
    /// are not declared idempotent: the verbs GET, PUT and DELETE of HTTP are such a rule. False by default.
    fn repeats(&self, request: &ClientRequest) -> bool {
        let _ = request;
        false
    }

    /// Returns true if the transports of this channel [mark](soa_runtime::client::Sent::mark) a request as sent no later than
    /// they send its first byte. Then an address that cannot be connected to is given up after a third of the time that the
    /// call has left, and nothing runs twice. False by default: then the transport limits the time of a connection by itself.
    fn marks_before_sending(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.name()).finish()
    }
}

/// The channels that this process knows, by their names. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Channels(Arc<BTreeMap<Name, Arc<dyn Channel>>>);

impl Channels {
    /// Returns no channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a channel, in place of another one of its name.
    #[must_use]
    pub fn with(mut self, channel: impl Channel) -> Self {
        let name = channel.name().to_owned();
        Arc::make_mut(&mut self.0).insert(name.into(), Arc::new(channel));
        self
    }

    /// Returns the channel of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.0.get(name)
    }

    /// Returns the names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(Name::as_str)
    }
}
