//! The messages of the protocol as types: jobs, actions, errors, context and control.
//!
//! A **job** is one message: one or more **action** requests, which run one after another in one server process. It has a
//! **context**, which flows down the chain of services, and a **control** header, which states how this job is run. The
//! answer is a job response, with an action response for each action that ran, or with errors of the job as a whole.
//!
//! Bodies stay encoded ([`Body`]) until they are decoded as a type. The types know nothing of transports, and their shapes
//! are those of PySOA 1.4.9.

mod action;
mod body;
mod context;
mod context_value;
mod control;
mod error;
mod held;
mod http;
mod job;
mod name;
mod switches;
mod trace;
mod variant;

#[doc(hidden)]
pub use action::{ARGUMENTS, RESULT, ReadText};
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
#[doc(hidden)]
pub use http::HttpHead;
pub use http::HttpRequest;
pub use job::{JobRequest, JobResponse};
pub use name::Name;
pub use switches::{Switch, SwitchSet};
pub use trace::TraceParent;
pub(crate) use trace::usable_state;
pub use variant::Variant;
#[doc(hidden)]
pub use variant::select;
