//! The runtime of **soa**, a framework for queue-based RPC services. Depend on the crate `soa`, which
//! re-exports all of this beside the macros.
//!
//! From the wire inwards:
//!
//! * [`codec`]: MessagePack and JSON as the protocol has them, the dynamic [`Value`], the wire's own types;
//! * [`wire`]: frames and envelopes, read by an iterative scanner, in the protocol's three versions;
//! * [`message`]: jobs, actions, errors, context and control as types;
//! * [`Server`] and the [`Service`] trait: registry, middleware, execution;
//! * [`Client`]: routes, calls, jobs; [`transport`]s between the two;
//! * [`redact`]: what is not for logs;
//! * [`testing`] has what tests are written with;
//! * with the feature `cli`, which is on by default: [`settings`] from files, variables and flags, and the command line
//!   of a service ([`cli`]).
//!
//! `message` and `codec` know nothing of the async runtime.

#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod codec;
pub mod health;
pub mod message;
pub mod middleware;
pub mod observe;
#[doc(hidden)]
pub mod period;
#[doc(hidden)]
pub mod private;
pub mod redact;
pub mod schema;
#[doc(hidden)]
pub mod secret;
pub mod server;
#[cfg(feature = "cli")]
pub mod settings;
pub mod testing;
pub mod transport;
pub mod wire;

mod action;
mod builtin;
mod context;
mod declared;
mod descriptor;
mod error;
mod extensions;
mod lifetime;
mod log_level;
mod seldom;
mod serializer;
mod service;
mod validation;
mod watchdog;

pub use action::{Action, ActionBody};
#[cfg(feature = "cli")]
pub use cli::{Program, main};
pub use client::{Call, Client, ClientBuilder, Expand, Pending, TypedClient};
pub use codec::{
    Amount, Blob, Date, DateTime, Decimal, Encoding, Map, Nullable, Time, UtcDateTime, Value,
};
pub use context::Context;
pub use declared::Declared;
pub use descriptor::{ActionDescriptor, ServiceDescriptor};
pub use error::{
    ActionError, ActionErrors, BuildError, ClientError, ErrorKind, IntoActionError, JobError,
    OpenCircuit, TransportError, TransportErrorKind,
};
pub use extensions::Extensions;
pub use log_level::LogLevel;
pub use message::{
    ActionRequest, ActionResponse, Body, ContextHeader, ContextValue, Control, JobRequest,
    JobResponse, Name, Switch, SwitchSet, WireError, code,
};
pub use serializer::{Serializer, Serializers};
pub use server::{IntoServer, Server, ServerBuilder, StartupError};
pub use service::{ActionCall, ActionFuture, Service, ServiceAction};
pub use transport::LocalTransport;
#[cfg(feature = "redis")]
pub use transport::{
    RedisClientTransport, RedisConnection, RedisMode, RedisServerTransport, RedisSettings,
    SentinelSettings, TlsSettings,
};
pub use watchdog::{Blocked, Watchdog};

/// A boxed future that can be sent to another thread.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;
