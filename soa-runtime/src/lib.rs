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
//! * [`redact`]: the removal of secrets from logs;
//! * [`stub`]: services made of answers, for tests of their callers.
//!
//! `message` and `codec` know nothing of the async runtime.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod client;
pub mod health;
#[doc(hidden)]
pub mod internal;
pub mod middleware;
pub mod observe;
#[doc(hidden)]
pub mod period;
#[doc(hidden)]
pub mod private;
#[doc(hidden)]
pub mod secret;
pub mod server;
pub mod transport;

mod action;
mod builtin;
mod component;
mod context;
mod descriptor;
mod error;
mod exchange;
mod future;
mod identity;
mod lifetime;
mod log_level;
mod log_limit;
mod serve;
mod service;
mod stack;
pub mod stub;
mod validation;
mod watchdog;

pub use action::Action;
pub use client::{Call, Client, ClientBuilder, Expand, Pending, TypedClient};
pub use component::{Channel, Component, ComponentBuilder};
pub use context::{Context, LocalServer};
pub use descriptor::{ActionDescriptor, ServiceDescriptor};
#[doc(hidden)]
pub use error::PassedOn;
pub use error::{
    ActionError, ActionErrors, ClientError, ErrorDescriptor, ErrorKind, IntoActionError, JobError,
    OpenCircuit, VariableDescriptor,
};
pub use future::BoxFuture;
pub use log_level::LogLevel;
pub use serve::Serve;
pub use server::{IntoServer, LocalTransport, Server, ServerBuilder, StartupError};
pub use service::{ActionCall, ActionFuture, Service, ServiceAction};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use transport::{
    RedisClientTransport, RedisConnection, RedisCredentials, RedisMode, RedisServerTransport,
    RedisSettings, SentinelSettings, TlsSettings,
};

pub use validation::ActionBody;
pub use watchdog::{Blocked, Watchdog};

// The wire, under its own names: the modules of this crate, and whoever depends on it, find it here.
pub use soa_wire::{
    ActionRequest, ActionResponse, Amount, Blob, Body, BuildError, ContextHeader, ContextValue,
    Control, Date, DateTime, Decimal, Declared, Encoding, Extensions, JobRequest, JobResponse, Map,
    Name, Nullable, Serializer, Serializers, Switch, SwitchSet, Time, TransportError,
    TransportErrorKind, UtcDateTime, Value, WireError, code, codec, introspection, message, redact,
    schema, text, value, wire,
};
