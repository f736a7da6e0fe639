//! Registries of **soa**: components are found by name.
//!
//! Depend on the crate `soa` with its feature `http`, which re-exports this crate as `soa::registry`.
//!
//! A [`Registry`] knows the [`Instance`]s of each component: processes that serve it, with an [`Address`] for each channel by
//! which they are called. A server [registers](Registry::register) its instance; a client looks a component up, and
//! [watches](Registry::watch) it.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod consul;
mod directory;
mod error;
mod fixed;
mod instance;
mod keeper;
mod memory;
mod pause;
mod registry;
mod trouble;

pub use address::Address;
pub use consul::ConsulRegistry;
pub use directory::{Directory, Followed};
pub use error::RegistryError;
pub use fixed::FixedRegistry;
pub use instance::{HealthEndpoint, Instance, InstanceId, Registration};
pub use keeper::Keeper;
pub use memory::MemoryRegistry;
pub use registry::{Listing, Registry, Version};
