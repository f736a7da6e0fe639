//! The channels over HTTP, and components that are found and called over HTTP alone.

use std::fmt;
use std::sync::Arc;

use soa_http::{HttpClient, HttpClientSettings, HttpTransport};
use soa_runtime::client::ClientRequest;
use soa_runtime::transport::{ClientTransport, ComponentSource};
use soa_runtime::{self as runtime, BuildError};

use crate::channel::{Carries, Channel, Channels};
use crate::consul::ConsulRegistry;
use crate::directory::Directory;
use crate::discovery::Discovery;
use crate::fixed::FixedRegistry;
use crate::memory::MemoryRegistry;
use crate::registry::Registry;

type Change = Arc<dyn Fn(HttpTransport) -> HttpTransport + Send + Sync>;

/// A channel over HTTP: one of [`soa_runtime::Channel`], on the connections of a client.
///
/// ```
/// use std::sync::Arc;
/// use soa_http::{HttpClient, HttpClientSettings};
/// use soa_registry::{Directory, Discovery, FixedRegistry, HttpChannel};
/// use soa_runtime::Channel;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), soa_runtime::BuildError> {
/// let registry = FixedRegistry::new().with("library", ["dispatch-json(http://10.0.0.1:8000)"])?;
/// let http = HttpClient::new(&HttpClientSettings::default())?;
/// let json = HttpChannel::new(&http, Channel::Json).with(|transport| transport.forwarding_token());
/// let discovery = Discovery::new(Directory::new(Arc::new(registry))).channel(json);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpChannel {
    client: HttpClient,
    channel: runtime::Channel,
    change: Option<Change>,
}

impl HttpChannel {
    /// Returns the channel.
    pub fn new(client: &HttpClient, channel: runtime::Channel) -> Self {
        Self {
            client: client.clone(),
            channel,
            change: None,
        }
    }

    /// Changes the transport to each address: its token, its timeout.
    #[must_use]
    pub fn with(
        mut self,
        change: impl Fn(HttpTransport) -> HttpTransport + Send + Sync + 'static,
    ) -> Self {
        self.change = Some(Arc::new(change));
        self
    }
}

impl Channel for HttpChannel {
    fn name(&self) -> &str {
        self.channel.name()
    }

    fn open(&self, component: &str, url: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
        let transport = HttpTransport::new(&self.client, self.channel, url)?;
        // The component repeats calls itself, within its budget, and sets no context where that would be ignored.
        let transport = transport
            .component(component.to_owned())
            .without_repeats()
            .carrying_context();
        Ok(Arc::new(match &self.change {
            Some(change) => change(transport),
            None => transport,
        }))
    }

    fn carries(&self) -> Carries {
        match self.channel {
            runtime::Channel::Rest => Carries::Routed,
            runtime::Channel::Json | runtime::Channel::MessagePack | runtime::Channel::Protobuf => {
                Carries::Typed
            }
            runtime::Channel::Call => Carries::All,
        }
    }

    fn repeats(&self, request: &ClientRequest) -> bool {
        HttpTransport::repeats(self.channel, request)
    }
}

impl fmt::Debug for HttpChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpChannel").field(&self.channel).finish()
    }
}

impl Channels {
    /// Returns all channels over HTTP, on the connections of a client.
    pub fn http(client: &HttpClient) -> Self {
        let channels = runtime::Channel::ALL.into_iter();
        channels.fold(Self::new(), |channels, channel| {
            channels.with(HttpChannel::new(client, channel))
        })
    }
}

impl Discovery {
    /// Finds components by a registry, and calls them over HTTP, by any channel that they offer.
    ///
    /// ```
    /// use soa_registry::{Discovery, FixedRegistry};
    /// use soa_runtime::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), soa_runtime::BuildError> {
    /// let registry = FixedRegistry::new().with("library", ["dispatch-json(http://10.0.0.1:8000)"])?;
    /// let discovery = Discovery::http(registry)?.prefer("dispatch-json");
    /// let client = Client::builder().component("library", &discovery).offers(["books"]).build()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// TLS cannot be used.
    pub fn http(registry: impl Registry) -> Result<Self, BuildError> {
        let client = HttpClient::new(&HttpClientSettings::default())?;
        let directory = Directory::new(Arc::new(registry));
        Ok(Self::new(directory).channels(Channels::http(&client)))
    }
}

/// Lets a registry stand for the components that it finds, which are called over HTTP by any channel that they offer.
macro_rules! finds_components {
    ($($registry:ty),*) => {$(
        impl ComponentSource for $registry {
            fn transport(
                &self,
                component: &str,
                channel: Option<&str>,
            ) -> Result<Arc<dyn ClientTransport>, BuildError> {
                Discovery::http(self.clone())?.transport(component, channel)
            }
        }
    )*};
}

finds_components!(ConsulRegistry, FixedRegistry, MemoryRegistry);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::instance::Instance;
    use crate::peers::Peers;
    use crate::registry::Listing;
    use crate::{Address, Version};

    /// The channels by which an instance with these addresses is called.
    fn called(addresses: &str) -> Vec<String> {
        let http = HttpClient::new(&HttpClientSettings::default()).unwrap();
        let instance = Instance {
            id: "one".to_owned(),
            addresses: Address::parse_list(addresses),
            weight: 1,
        };
        let listing = Arc::new(Listing {
            instances: vec![instance],
            version: Version(1),
        });
        let peers = Peers::new(&"shop".into(), listing, &Channels::http(&http), None, None);
        let peers = peers.members();
        peers
            .map(|member| member.peer.address().channel().to_owned())
            .collect()
    }

    #[test]
    fn without_a_preference_an_instance_is_called_by_the_channel_that_carries_most() {
        let rest = "rest(http://h:1)";
        let json = "dispatch-json(http://h:1)";
        let msgpack = "dispatch-msgpack(http://h:1)";
        let call = "call(http://h:1/call)";
        assert_eq!(called(&format!("{rest},{json},{call}")), ["call"]);
        assert_eq!(
            called(&format!("{rest},{msgpack},{json}")),
            ["dispatch-msgpack"]
        );
        assert_eq!(called(rest), ["rest"]);
        assert_eq!(called("grpc(http://h:1)"), Vec::<String>::new());
    }
}
