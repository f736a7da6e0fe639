//! The messages of the protocol as types: jobs, actions, errors, context and control.
//!
//! A **job** is what travels: one or more **action** requests, run one after another in one server
//! process, under one **context** (which flows down the chain of services) and one **control**
//! header (which says how this job is run). The answer is a job response with an action response for
//! every action that ran, or with errors of the job as a whole.
//!
//! These types know nothing of transports or of the async runtime. Bodies stay encoded
//! ([`Body`]) until somebody asks for them as a type.
//!
//! The shapes are those of PySOA 1.4.9's job requests and responses.

mod action;
mod body;
mod context;
mod context_value;
mod control;
mod error;
mod held;
mod job;
mod switches;
mod trace;
mod variant;

pub use action::{ActionRequest, ActionResponse};
pub use body::Body;
pub(crate) use context::KEYS as CONTEXT_KEYS;
pub use context::{ContextHeader, ResponseContext};
pub use context_value::ContextValue;
#[doc(hidden)]
pub use context_value::to_context;
pub use control::Control;
pub(crate) use control::KEYS as CONTROL_KEYS;
pub use error::{WireError, code};
pub use job::{JobRequest, JobResponse};
pub use switches::{Switch, SwitchSet};
pub use trace::TraceParent;
pub(crate) use trace::usable_state;
pub use variant::Variant;
#[doc(hidden)]
pub use variant::select;

use std::borrow::Cow;

/// The name of a service or of an action: usually a literal, sometimes made at run time.
pub type Name = Cow<'static, str>;
