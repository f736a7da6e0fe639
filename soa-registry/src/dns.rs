//! The registry in DNS, which knows hosts and ports, and nothing of channels.
//!
//! The name of a component is put into a name of DNS. Either that has the addresses of hosts (A and AAAA), and the port is the
//! same everywhere; or it has services (SRV) with a port, a weight and a priority each. A list is asked for again when its
//! records have lived their time. Nobody can register here: somebody else fills DNS, as Kubernetes or Consul do.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::try_join_all;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use soa_runtime::{BoxFuture, BuildError};
use soa_wire::{Name, redact};
use tokio::time::{Instant, sleep_until};

use crate::address::Address;
use crate::error::RegistryError;
use crate::instance::{Instance, Registration};
use crate::registry::{Listing, Registry, Version};

/// The place of a component's name in a name of DNS.
const COMPONENT: &str = "{component}";

/// Shortest and longest time between two questions of a watcher, and time after which it gets the same list again.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);
const WATCH_LIMIT: Duration = Duration::from_secs(60);

/// Longest time for which a name without records is remembered, so that a component that comes is soon seen.
const NEGATIVE_LIMIT: Duration = Duration::from_secs(5);

/// Components that are found by names of DNS.
///
/// | address | records |
/// |---|---|
/// | `dns://{component}.internal:8000` | the hosts of this name (A, AAAA), all at this port |
/// | `dns+srv://_http._tcp.{component}.internal` | the services of this name (SRV) with the lowest priority |
/// | `dns+srv+https://_https._tcp.{component}.internal` | the same, with TLS: URLs have the names of the hosts |
///
/// ```
/// use soa_registry::{DnsRegistry, Registry};
///
/// let registry = DnsRegistry::new("dns+srv://{component}.service.consul", ["dispatch-json"])?
///     .name_server(([127, 0, 0, 1], 8600).into())?;
/// assert_eq!(registry.shown_address(), "dns+srv://{component}.service.consul");
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
#[derive(Clone)]
pub struct DnsRegistry {
    resolver: TokioResolver,
    shown: String,
    name: String,
    records: Records,
    channels: Vec<Name>,
}

/// The records that say where a component is.
#[derive(Clone, Copy, Debug)]
enum Records {
    /// Hosts, at a port.
    Hosts { port: u16 },
    /// Services, with TLS or without.
    Services { tls: bool },
}

impl DnsRegistry {
    /// Returns the registry at an address, as the table above has them. DNS does not tell by which channels a component is
    /// called: these are offered by every instance.
    ///
    /// # Errors
    /// The address has another form, or the name servers of this system cannot be found out.
    pub fn new<C: Into<Name>>(
        address: &str,
        channels: impl IntoIterator<Item = C>,
    ) -> Result<Self, BuildError> {
        let (name, records) = read(address)?;
        let builder = TokioResolver::builder_tokio();
        let builder = builder.map_err(|error| {
            BuildError::new(format!(
                "the name servers of this system are not known: {error}"
            ))
        })?;
        let channels: Vec<Name> = channels.into_iter().map(Into::into).collect();
        // What cannot be an address is told now.
        for channel in &channels {
            Address::new(channel.clone(), "http://host")?;
        }
        if channels.is_empty() {
            let rule = "a registry in DNS needs the channels by which its components are called";
            return Err(BuildError::new(rule));
        }
        Ok(Self {
            resolver: resolver(builder)?,
            shown: address.to_owned(),
            name,
            records,
            channels,
        })
    }

    /// Asks this name server, by UDP and TCP, in the place of those of the system.
    ///
    /// # Errors
    /// The resolver cannot be made.
    pub fn name_server(mut self, server: SocketAddr) -> Result<Self, BuildError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut way| {
            way.port = server.port();
            way
        });
        let server = NameServerConfig::new(server.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        let provider = TokioRuntimeProvider::default();
        self.resolver = resolver(TokioResolver::builder_with_config(config, provider))?;
        Ok(self)
    }

    /// Returns the list of a component, and the time at which it is to be asked for again.
    async fn list(&self, component: &str) -> Result<(Listing, Instant), RegistryError> {
        let name = self.name.replace(COMPONENT, component);
        let (instances, end) = match self.records {
            Records::Hosts { port } => {
                let (hosts, end) = self.hosts(&name).await?;
                let instances = hosts.into_iter().map(|ip| {
                    let host = SocketAddr::new(ip, port);
                    self.instance(component, "http", &host.to_string(), 1)
                });
                (instances.collect::<Result<_, _>>()?, end)
            }
            Records::Services { tls } => self.services(component, &name, tls).await?,
        };
        let now = Instant::now();
        let end = end.clamp(now + SHORTEST_INTERVAL, now + LONGEST_INTERVAL);
        Ok((Listing::digested(instances), end))
    }

    /// Returns the addresses of a host, and the time until which they are known.
    async fn hosts(&self, name: &str) -> Result<(Vec<IpAddr>, Instant), RegistryError> {
        match self.resolver.lookup_ip(name).await {
            Ok(found) => {
                let end = Instant::from_std(found.valid_until());
                Ok((found.iter().collect(), end))
            }
            Err(error) if error.is_no_records_found() => Ok((Vec::new(), Instant::now())),
            Err(error) => Err(failed(name, error)),
        }
    }

    async fn services(
        &self,
        component: &str,
        name: &str,
        tls: bool,
    ) -> Result<(Vec<Instance>, Instant), RegistryError> {
        let found = match self.resolver.srv_lookup(name).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => {
                return Ok((Vec::new(), Instant::now()));
            }
            Err(error) => return Err(failed(name, error)),
        };
        let mut end = Instant::from_std(found.valid_until());
        let services = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                // A root as the target says that there is no such service.
                RData::SRV(service) if !service.target.is_root() => Some(service),
                _ => None,
            });
        let services: Vec<_> = services.collect();
        let priority = services.iter().map(|service| service.priority).min();
        let first = services
            .into_iter()
            .filter(|service| Some(service.priority) == priority);
        let mut instances = Vec::new();
        let mut waiting = Vec::new();
        for service in first {
            let (port, target) = (service.port, service.target.to_utf8());
            let weight = u32::from(service.weight).max(1);
            if tls {
                let host = format!("{}:{port}", target.trim_end_matches('.'));
                instances.push(self.instance(component, "https", &host, weight)?);
            } else {
                waiting.push(async move { Ok((self.hosts(&target).await?, port, weight)) });
            }
        }
        for ((hosts, until), port, weight) in try_join_all(waiting).await? {
            end = end.min(until);
            for ip in hosts {
                let host = SocketAddr::new(ip, port).to_string();
                instances.push(self.instance(component, "http", &host, weight)?);
            }
        }
        Ok((instances, end))
    }

    fn instance(
        &self,
        component: &str,
        scheme: &str,
        host: &str,
        weight: u32,
    ) -> Result<Instance, RegistryError> {
        let url = format!("{scheme}://{host}");
        let addresses = self.channels.iter();
        let addresses = addresses.map(|channel| Address::new(channel.clone(), url.clone()));
        let addresses = addresses.collect::<Result<_, _>>().map_err(|error| {
            RegistryError::new(format!("DNS has a host that cannot be called: {error}"))
        })?;
        Ok(Instance {
            id: format!("{host}:{component}"),
            addresses,
            weight,
        })
    }
}

/// Reads an address: the name, and the records that it has.
fn read(address: &str) -> Result<(String, Records), BuildError> {
    let wrong = || {
        BuildError::new(format!(
            "invalid address of DNS `{}`: expected `dns://NAME:PORT`, `dns+srv://NAME` or `dns+srv+https://NAME`, with \
             `{COMPONENT}` in the name",
            redact::url(address)
        ))
    };
    let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
    let (name, records) = match scheme {
        "dns" => {
            let (name, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
            let port = port.parse().map_err(|_| wrong())?;
            (name, Records::Hosts { port })
        }
        "dns+srv" => (rest, Records::Services { tls: false }),
        "dns+srv+https" => (rest, Records::Services { tls: true }),
        _ => return Err(wrong()),
    };
    let example = name.replace(COMPONENT, "component");
    let is_name = |name: &str| name.parse::<hickory_resolver::proto::rr::Name>().is_ok();
    let has_other = example.contains(|c: char| "{}/:@?#".contains(c) || c.is_whitespace());
    if !name.contains(COMPONENT) || has_other || !is_name(&example) {
        return Err(wrong());
    }
    Ok((name.to_owned(), records))
}

fn resolver(
    mut builder: ResolverBuilder<TokioRuntimeProvider>,
) -> Result<TokioResolver, BuildError> {
    let options: &mut ResolverOpts = builder.options_mut();
    options.negative_max_ttl = Some(NEGATIVE_LIMIT);
    let resolver = builder.build();
    resolver.map_err(|error| BuildError::new(format!("DNS cannot be asked: {error}")))
}

fn failed(name: &str, error: NetError) -> RegistryError {
    RegistryError::new(format!("`{name}` cannot be resolved")).with_source(error)
}

impl Registry for DnsRegistry {
    /// Fails: somebody else fills DNS.
    fn register(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let component = &registration.component;
        let message = format!("a registry in DNS takes no instance of `{component}`");
        Box::pin(async { Err(RegistryError::new(message)) })
    }

    /// Does nothing: no instance has been registered.
    fn deregister(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        Box::pin(async { Ok(()) })
    }

    fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        let (registry, component) = (self.clone(), component.to_owned());
        Box::pin(async move { Ok(registry.list(&component).await?.0) })
    }

    fn watch(&self, component: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        let (registry, component) = (self.clone(), component.to_owned());
        Box::pin(async move {
            let limit = Instant::now() + WATCH_LIMIT;
            loop {
                let (listing, end) = registry.list(&component).await?;
                if listing.version != since || Instant::now() >= limit {
                    return Ok(listing);
                }
                sleep_until(end).await;
            }
        })
    }

    fn shown_address(&self) -> String {
        self.shown.clone()
    }
}

impl fmt::Debug for DnsRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsRegistry")
            .field("address", &self.shown)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}
