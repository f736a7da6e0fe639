//! Registries of **soa**: components are found by name.
//!
//! Depend on the crate `soa` with its feature `http`, which re-exports this crate as `soa::registry`.
//!
//! A [`Registry`] knows the [`Instance`]s of each component: processes that serve it, with an [`Address`] for each channel by
//! which they are called. A server [registers](Registry::register) its instance; a client looks a component up, and
//! [watches](Registry::watch) it.
//!
//! A [`Discovery`] is what a client needs: it follows the list of each component, and calls the instances by a [`Channel`]. A
//! [`Selector`] chooses the address of each call; one that fails is left out for a time.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod balancer;
mod budget;
mod channel;
mod consul;
mod directory;
mod discovery;
#[cfg(feature = "dns")]
mod dns;
mod error;
mod fixed;
#[doc(hidden)]
pub mod fuzz;
mod http;
mod instance;
mod keeper;
mod memory;
mod pause;
mod peer;
mod peers;
mod random;
#[cfg(feature = "redis")]
mod redis;
mod registry;
mod selector;
mod settings;
mod transport;
mod trouble;

pub use address::Address;
pub use channel::{Carries, Channel, Channels};
pub use consul::ConsulRegistry;
pub use directory::{Directory, Followed};
pub use discovery::Discovery;
#[cfg(feature = "dns")]
#[cfg_attr(docsrs, doc(cfg(feature = "dns")))]
pub use dns::DnsRegistry;
pub use error::RegistryError;
pub use fixed::FixedRegistry;
pub use http::HttpChannel;
pub use instance::{HealthEndpoint, Instance, InstanceId, Registration};
pub use keeper::Keeper;
pub use memory::MemoryRegistry;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis::RedisRegistry;
pub use registry::{Listing, Registry, Version};
pub use selector::{Choice, First, LeastOutstanding, RoundRobin, Selector};
pub use settings::RegistrySettings;
pub use transport::ComponentTransport;
