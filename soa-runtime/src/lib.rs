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
//! * [`stub`]: services made of answers, for tests of their callers;
//! * [`recording`]: requests with their answers in a file, and their replay.
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
pub mod private;
pub mod recording;
pub mod server;
pub mod transport;

mod builtin;
mod component;
mod context;
mod error;
mod exchange;
mod future;
mod known;
mod lifetime;
mod log_level;
mod loss;
mod serve;
mod service;
mod session;
mod stack;
pub mod stub;
#[doc(hidden)]
pub mod suspension;
mod watchdog;

pub use client::{Call, Client, ClientBuilder, Expand, Pending, TypedClient};
pub use component::{Component, ComponentBuilder, ComponentState};
pub use context::{Context, LocalServer};
#[doc(hidden)]
pub use error::PassedOn;
pub use error::{
    ActionError, ActionErrors, ClientError, ErrorKind, IntoActionError, JobError, OpenCircuit,
};
pub use future::BoxFuture;
pub use log_level::LogLevel;
pub use serve::Serve;
pub use server::{IntoServer, LocalTransport, Server, ServerBuilder, StartupError};
pub use service::{ActionCall, ActionFuture, Service, ServiceAction};
pub use watchdog::{Blocked, Watchdog};

// The wire, under its own names: the modules of this crate, and whoever depends on it, find it here.
pub use soa_wire::{
    Action, ActionBody, ActionDescriptor, ActionRequest, ActionResponse, Amount, Blob, Body,
    BuildError, Channel, ContextHeader, ContextValue, Control, Date, DateTime, Decimal, Declared,
    Encoding, ErrorDescriptor, Extensions, JobRequest, JobResponse, Map, Name, Nullable,
    Serializer, Serializers, ServiceDescriptor, Switch, SwitchSet, Time, TransportError,
    TransportErrorKind, UtcDateTime, Value, VariableDescriptor, WireError, code, codec,
    introspection, message, redact, schema, text, value, wire,
};
pub(crate) use soa_wire::{action, descriptor, expansion, identity, log_limit, validation};
#[doc(hidden)]
pub use soa_wire::{period, secret};
