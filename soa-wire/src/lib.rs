//! The messages of **soa**, a framework for queue-based RPC services: their types, their bytes, and what a service says of
//! itself. Services and their callers depend on the crate `soa`, which re-exports all of this; tools that only read and
//! write messages depend on this crate alone.
//!
//! From the bytes upwards:
//!
//! * [`codec`]: MessagePack and JSON as the protocol has them, the dynamic [`Value`], and the wire's own types;
//! * [`message`]: jobs, actions, errors, context and control as types, whose bodies stay encoded;
//! * [`schema`]: the description of a body, and every way in which a given body differs from it;
//! * [`wire`]: frames and envelopes in the protocol's three versions, read by a scanner that neither recurses nor builds a
//!   tree;
//! * [`introspection`]: the answers of `introspect`, read as data and compared;
//! * [`redact`]: secrets, kept out of logs.
//!
//! Nothing in here opens a connection, starts a task or needs an async runtime. No input makes a reader panic.

pub mod codec;
pub mod error;
pub mod introspection;
pub mod message;
pub mod redact;
pub mod schema;
pub mod wire;

#[doc(hidden)]
pub mod declared;
mod extensions;
#[doc(hidden)]
pub mod serializer;

pub use codec::{
    Amount, Blob, Date, DateTime, Decimal, Encoding, Map, Nullable, Time, UtcDateTime, Value,
};
pub use declared::Declared;
pub use error::{BuildError, TransportError, TransportErrorKind};
pub use extensions::Extensions;
pub use message::{
    ActionRequest, ActionResponse, Body, ContextHeader, ContextValue, Control, JobRequest,
    JobResponse, Name, Switch, SwitchSet, WireError, code,
};
pub use serializer::{Serializer, Serializers};
