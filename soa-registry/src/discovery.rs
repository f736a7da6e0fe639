//! The tools of a caller: a registry, the channels, and a way to choose.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use soa_runtime::BuildError;
use soa_runtime::transport::{ClientTransport, ComponentSource};
use soa_wire::Name;

use crate::channel::{Channel, Channels};
use crate::directory::Directory;
use crate::selector::{LeastOutstanding, Selector};
use crate::transport::{ComponentTransport, DEFAULT_TIMEOUT};

/// A function that makes the selector of a component.
type MakeSelector = Arc<dyn Fn() -> Arc<dyn Selector> + Send + Sync>;

/// Components with a component, and with the channel that was asked for.
type Open = HashMap<(Name, Option<Name>), ComponentTransport>;

/// Finds components: a registry, the channels by which instances are called, and how one is chosen. Cheap to clone. Clones
/// share the lists of the registry, the connections, and what is known of addresses.
///
/// ```
/// # use std::sync::Arc;
/// use soa_registry::{Channel, Discovery, Directory, FixedRegistry, RoundRobin};
/// use soa_runtime::Client;
/// # use soa_runtime::{BuildError, LocalTransport, Server};
/// # use soa_runtime::transport::ClientTransport;
/// # struct Fancy;
/// # impl Channel for Fancy {
/// #     fn name(&self) -> &str { "fancy" }
/// #     fn open(&self, _: &str, _: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
/// #         let server = Server::untyped("books", "1.0.0").build()?;
/// #         Ok(Arc::new(LocalTransport::new(server)))
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = FixedRegistry::new().with("library", ["fancy(http://10.0.0.1:8000)"])?;
/// let discovery = Discovery::new(Directory::new(Arc::new(registry)))
///     .channel(Fancy)
///     .selector(RoundRobin::new);
/// let client = Client::builder()
///     .component("library", &discovery)
///     .offers(["books", "readers"])
///     .build()?;
/// client.call_action("books", "status", &()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Discovery {
    directory: Directory,
    channels: Channels,
    selector: MakeSelector,
    preferred: Option<Name>,
    preferred_of: Arc<HashMap<Name, Name>>,
    timeout: Option<Duration>,
    open: Arc<Mutex<Open>>,
}

impl Discovery {
    /// Finds components by a registry. Channels are still to be added.
    pub fn new(directory: Directory) -> Self {
        Self {
            directory,
            channels: Channels::new(),
            selector: Arc::new(|| Arc::new(LeastOutstanding)),
            preferred: None,
            preferred_of: Arc::default(),
            timeout: Some(DEFAULT_TIMEOUT),
            open: Arc::default(),
        }
    }

    /// Adds a channel, in place of another one of its name.
    #[must_use]
    pub fn channel(mut self, channel: impl Channel) -> Self {
        self.channels = std::mem::take(&mut self.channels).with(channel);
        self.changed()
    }

    /// Sets the channels, in place of those before.
    #[must_use]
    pub fn channels(mut self, channels: Channels) -> Self {
        self.channels = channels;
        self.changed()
    }

    /// Sets the selector: [`LeastOutstanding`] by default. The function makes one for each component.
    #[must_use]
    pub fn selector<S: Selector>(mut self, make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        self.selector = Arc::new(move || Arc::new(make()));
        self.changed()
    }

    /// Prefers a channel for all components. Then they are called by no other one. By default, each instance is called by
    /// that channel, of those that are known here, which [carries](Channel::carries) most.
    #[must_use]
    pub fn prefer(mut self, channel: impl Into<Name>) -> Self {
        self.preferred = Some(channel.into());
        self.changed()
    }

    /// Prefers a channel for one component.
    #[must_use]
    pub fn prefer_for(mut self, component: impl Into<Name>, channel: impl Into<Name>) -> Self {
        Arc::make_mut(&mut self.preferred_of).insert(component.into(), channel.into());
        self.changed()
    }

    /// Sets the time limit of calls that have none of their own; 5 seconds by default, `None` for no limit.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self.changed()
    }

    /// Returns the lists of the registry.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Returns the transport to a component, by its preferred channel or by this one. The same for all who ask for the same.
    ///
    /// # Errors
    /// There is no channel of that name.
    pub fn component(
        &self,
        component: &str,
        channel: Option<&str>,
    ) -> Result<ComponentTransport, BuildError> {
        let of_component = self.preferred_of.get(component);
        let usual = of_component.or(self.preferred.as_ref());
        let channel: Option<Name> = match channel {
            Some(channel) => Some(channel.to_owned().into()),
            None => usual.cloned(),
        };
        if let Some(channel) = &channel
            && self.channels.get(channel).is_none()
        {
            let known: Vec<&str> = self.channels.names().collect();
            let known = known.join(", ");
            return Err(BuildError::new(format!(
                "unknown channel `{channel}` for the component `{component}`; known are: {known}"
            )));
        }
        let key = (component.to_owned().into(), channel.clone());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let transport = open.entry(key).or_insert_with(|| {
            let followed = self.directory.follow(component);
            let (channels, selector) = (self.channels.clone(), (self.selector)());
            ComponentTransport::new(followed, channels, channel, selector, self.timeout)
        });
        Ok(transport.clone())
    }

    /// Transports that were made before have the settings of then.
    fn changed(mut self) -> Self {
        self.open = Arc::default();
        self
    }
}

impl ComponentSource for Discovery {
    fn transport(
        &self,
        component: &str,
        channel: Option<&str>,
    ) -> Result<Arc<dyn ClientTransport>, BuildError> {
        Ok(Arc::new(self.component(component, channel)?))
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("directory", &self.directory)
            .field("channels", &self.channels)
            .field("preferred", &self.preferred)
            .finish_non_exhaustive()
    }
}
