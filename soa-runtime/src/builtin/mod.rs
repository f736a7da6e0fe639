//! The actions that every service answers without being asked to define them (protocol, section 7).
//!
//! A service may define its own `status` or `introspect`; then that one is used.

mod introspect;
mod offer;
mod registry;
mod status;

pub(crate) use offer::Offer;
pub(crate) use registry::actions;
