//! Servers: a service that is ready to run jobs.
//!
//! A [`Server`] is a registry of actions, two stacks of middleware, and a client for the calls that
//! handlers make. It runs jobs ([`Server::execute`]), answers whole frames of the wire
//! ([`Server::answer`]), or takes them from a transport until that is closed ([`Server::run`]).
//! It is cheap to clone.
//!
//! Whatever a handler, a middleware or a peer does, the server goes on: errors and panics become
//! responses; messages that cannot be answered are counted by [`DropReason`], logged, and dropped.
//!
//! The files, lowest first; each uses only those above it:
//!
//! ```text
//! stats      counters                            sibling     calls between actions of one server
//! panic      messages of panics                  answer      from a request frame to a response frame
//! hooks      hooks, as they are registered       lifecycle   hooks, as they run
//! handle     the server itself                   run         the run loop
//! job        running jobs and their actions      variants, handler   entries of the registry
//! builder    puts a server together              local       the transport in the same process
//! ```

mod answer;
mod builder;
mod handle;
mod handler;
mod hooks;
mod job;
mod lifecycle;
mod local;
mod panic;
mod run;
mod sibling;
mod stats;
mod variants;

#[doc(hidden)]
pub use builder::is_wire_name;
pub use builder::{IntoServer, ServerBuilder};
pub use handle::Server;
pub use lifecycle::StartupError;
pub use local::LocalTransport;
pub(crate) use panic::panic_message;
pub use run::Stopped;
pub use stats::Stats;

pub use crate::wire::DropReason;
