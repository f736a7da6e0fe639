//! The built-in actions, which every service has unless it defines them (protocol, section 7).
//!
//! A service may define its own `status` or `introspect`, which replace the built-in ones.

mod introspect;
mod offer;
mod registry;
mod status;

pub(crate) use introspect::all_described;
pub(crate) use offer::Offer;
pub(crate) use registry::actions;
