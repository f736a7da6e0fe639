//! The messages of **soa**, a framework for queue-based RPC services, and of PySOA 1.4.9: as bytes and as types.
//!
//! Services and clients depend on the crate `soa`, which re-exports this crate. Tools that only read or write messages,
//! such as recorders, proxies and checks of compatibility, depend on this crate alone.
//!
//! From the bytes upwards:
//!
//! * [`codec`]: MessagePack and JSON, the dynamic [`Value`], and the types of the protocol, such as [`DateTime`];
//! * [`message`]: jobs, actions, errors, context and control as types, whose bodies stay encoded;
//! * [`schema`]: the schema of a body, and all errors of a given body;
//! * [`ActionBody`]: the types of bodies, and their validation with all errors at once;
//! * [`Action`], [`ServiceDescriptor`]: the handle of an action, and the descriptions of actions and services;
//! * [`rules`]: rules of garde for decimals;
//! * [`text`]: every type of the wire as JSON for people, read by a schema;
//! * [`wire`]: frames and envelopes in the three versions of the protocol;
//! * [`introspection`]: the answers of `introspect`, read and compared;
//! * [`redact`]: secrets are kept out of logs;
//! * [`Serializer`]: encodings in addition to the two of the codec.
//!
//! The crate opens no connections, starts no tasks and needs no async runtime. No input makes a reader panic, recurse
//! without a bound, or reserve memory for an announced length.
//!
//! ```
//! use std::time::Duration;
//!
//! use soa_wire::wire::{ProtocolVersion, read_request, write_request};
//! use soa_wire::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, value};
//!
//! let encoding = Encoding::MessagePack;
//! let body = Body::encode(encoding, &value!({ "number": 12 }));
//! let job = JobRequest::new(
//!     ContextHeader::fresh(),
//!     Control::default(),
//!     vec![ActionRequest::new("square", body)],
//! );
//! let expiry = Duration::from_secs(60);
//! let frame = write_request(ProtocolVersion::V3, encoding, 1, "service.me!1", expiry, &job)?;
//!
//! let request = read_request(&frame, &Default::default()).map_err(|unreadable| unreadable.detail)?;
//! assert_eq!(request.job.map(|job| job.actions[0].action.clone()), Ok("square".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod codec;
pub mod error;
pub mod introspection;
pub mod message;
pub mod redact;
pub mod rules;
pub mod schema;
pub mod text;
pub mod wire;

#[doc(hidden)]
pub mod action;
#[doc(hidden)]
pub mod cause;
mod channel;
mod conversion;
#[doc(hidden)]
pub mod declared;
#[doc(hidden)]
pub mod descriptor;
#[doc(hidden)]
pub mod expansion;
mod extensions;
#[doc(hidden)]
pub mod identity;
#[doc(hidden)]
pub mod log_limit;
#[doc(hidden)]
pub mod period;
#[doc(hidden)]
pub mod secret;
#[doc(hidden)]
pub mod serializer;
#[doc(hidden)]
pub mod validation;

pub use action::Action;
pub use channel::Channel;
pub use codec::{
    Amount, Blob, Date, DateTime, Decimal, Encoding, Map, Nullable, Time, UtcDateTime, Value,
};
pub use declared::Declared;
pub use descriptor::{ActionDescriptor, ErrorDescriptor, ServiceDescriptor, VariableDescriptor};
pub use error::{
    ActionError, ActionErrors, BuildError, IntoActionError, JobError, TransportError,
    TransportErrorKind,
};
pub use extensions::Extensions;
pub use message::{
    ActionRequest, ActionResponse, Body, ContextHeader, ContextValue, Control, JobRequest,
    JobResponse, Name, Switch, SwitchSet, WireError, code,
};
pub use serializer::{Serializer, Serializers};
pub use validation::ActionBody;
