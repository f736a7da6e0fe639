//! The registry in Consul, by the HTTP interface of an agent.
//!
//! ```text
//! form      what is written: targets, and the registration of a service
//! answer    what is read: services with their addresses
//! json      parts of what is read, in whatever form somebody wrote them
//! agent     questions to the agent, with their time limits and the token
//! registry  the four verbs
//! ```
//!
//! The form of a registration is that of Aspyx, so that its clients find our instances, and ours find its instances. An
//! instance is a service of the agent with the tag `component`; its addresses stand in the metadata `channels`. Only
//! instances are listed whose checks pass.

mod agent;
mod answer;
mod form;
mod json;
mod registry;

pub(crate) use answer::entries;
pub use registry::ConsulRegistry;
pub(crate) use registry::check_address;
