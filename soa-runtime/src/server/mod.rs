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
//! The files, lowest first; each uses only those before it, row by row:
//!
//! ```text
//! stats      counters                            panic       messages of panics
//! hooks      hooks, as they are registered       age         requests that are too old
//! tally      the numbers of the record           sampler     samples, while somebody watches
//! handle     the server itself                   overload    jobs that are not started
//! job        running jobs and their actions      sibling     calls between actions of one server
//! answer     from a request to its response      lifecycle   hooks, as they run
//! record     the record of the worker
//! delivery   jobs whose process is gone          held        requests that their transport holds
//! run        the run loop                        variants    several handlers of one action
//! handler    the entries of the registry         wire_name   the rule of names
//! builder    puts a server together              into_server conversions into servers
//! hook_methods  the builder's, for hooks          limit_methods  the builder's, for limits
//! local      the transport in the same process   door        the entrance for doors
//! crash      crashes for tests
//! ```

mod age;
mod answer;
mod builder;
mod crash;
mod delivery;
mod door;
mod handle;
mod handler;
mod held;
mod hook_methods;
mod hooks;
mod into_server;
mod job;
mod lifecycle;
mod limit_methods;
mod local;
mod overload;
mod panic;
mod record;
mod run;
mod sampler;
mod sibling;
#[cfg(test)]
mod simulation;
mod stats;
mod tally;
mod variants;
mod wire_name;

pub use builder::ServerBuilder;
#[doc(hidden)]
pub use crash::CrashTransport;
#[doc(hidden)]
pub use door::DoorStop;
pub use handle::Server;
pub(crate) use hooks::{AsyncHook, BoxError, TEARDOWN_GRACE};
pub use into_server::IntoServer;
#[doc(hidden)]
pub use into_server::Unbuilt;
pub use lifecycle::StartupError;
pub(crate) use lifecycle::run_in_task;
pub use local::LocalTransport;
pub(crate) use panic::panic_message;
pub use run::Stopped;
pub use stats::Stats;
#[doc(hidden)]
pub use wire_name::is_wire_name;

pub use crate::wire::DropReason;
