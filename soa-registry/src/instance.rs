//! Instances of components, and what a server tells a registry about its own.

use std::net::SocketAddr;
use std::time::Duration;

use soa_wire::Name;

use crate::address::Address;

/// The identity of an instance, unique among those of its component.
pub type InstanceId = String;

/// A process that serves a component, as a registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Identity: the same after a restart at the same address.
    pub id: InstanceId,
    /// Addresses, in the order of the component's preference.
    pub addresses: Vec<Address>,
    /// Share of the calls, in relation to those of other instances; 1 by default. 0 gets calls only if nobody else can be
    /// called.
    pub weight: u32,
}

/// An instance with what a registry needs to keep it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Name of the component.
    pub component: Name,
    /// The instance.
    pub instance: Instance,
    /// The address at which the instance can be reached from outside.
    pub host: SocketAddr,
    /// The health of the instance over HTTP, for registries that ask for it.
    pub health: HealthEndpoint,
    /// Tags, besides those that the registry adds itself.
    pub tags: Vec<String>,
}

/// The health of an instance over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthEndpoint {
    /// URL of the health path.
    pub url: String,
    /// Time between two checks; 10 s by default.
    pub interval: Duration,
    /// Time limit of a check; 3 s by default.
    pub timeout: Duration,
    /// Time after which an instance that fails its checks is removed; 5 min by default.
    pub removed_after: Duration,
}

impl HealthEndpoint {
    /// Returns the endpoint at this URL, with the default times.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            removed_after: Duration::from_secs(300),
        }
    }
}
