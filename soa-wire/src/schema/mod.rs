//! Schemas: the descriptions of bodies, and the errors of bodies that do not fit them.
//!
//! The schema of a type comes from its `schemars` description, which includes serde's attributes and garde's rules. It is
//! kept in the terms of Conformity, PySOA's validation library: dictionaries with optional keys, nullables, constants.
//! [`Schema::check`] uses Conformity's codes and texts, which callers of PySOA services know.
//!
//! The schema of a remote service comes from its answer of `introspect` ([`Schema::from_introspection`]).
//!
//! The check walks a decoded [`Value`](crate::codec::Value), and reports all errors at once. It runs only if a body cannot
//! be decoded, or breaks a rule. A valid body is never compared with its schema.

mod alternatives;
mod cache;
mod check;
mod conformity;
mod convert;
mod introspect;
mod merge;
mod nesting;
mod node;
mod path;

#[doc(hidden)]
pub use alternatives::option_of;
pub use check::FieldError;
pub(crate) use check::NOT_A_NUMBER;
#[doc(hidden)]
pub use check::{Cause, MAX_ERROR_BYTES, MAX_ERRORS, MAX_LEVELS, MAX_STEPS, key_text};
#[doc(hidden)]
pub use nesting::depth_of;
pub use node::Schema;
#[doc(hidden)]
pub use node::{Bounds, ExtraKeys, Field, Keys, Lengths, Node, NodeKind};
#[doc(hidden)]
pub use path::{PathStep, WirePath};
