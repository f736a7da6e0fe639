//! Middleware: code around jobs, around actions, and around the calls of a client.
//!
//! There are three stacks, one a [`Stage`]:
//!
//! * [`JobStage`] runs once a job, on the server;
//! * [`ActionStage`] runs once an action, on the server, inside of the job's: the same for a single
//!   call, for each action of a job, and for the in-process transport;
//! * [`ClientStage`] runs once a call, around sending the request and receiving the response.
//!
//! A middleware is one async method. It may change the request, return a response of its own, call `next` and change
//! the result, or call a clone of `next` again. The first one added is the outermost. When middleware sees them, errors
//! and panics of handlers are responses already.
//!
//! Included are [`Logging`], [`Authentication`], [`Sessions`], [`Retry`], [`CircuitBreaker`] and [`ResultCache`]. With the
//! feature `tower`, `from_layer` turns any layer of tower into middleware.
//!
//! ```
//! # use soa_runtime as soa;
//! use soa::middleware::{ActionStage, Middleware, Next};
//! use soa::{ActionCall, ActionError, ActionResponse};
//!
//! /// Lets only callers through that say who they are.
//! struct RequireCaller;
//!
//! impl Middleware<ActionStage> for RequireCaller {
//!     async fn call(
//!         &self,
//!         request: ActionCall,
//!         next: Next<ActionStage>,
//!     ) -> Result<ActionResponse, ActionError> {
//!         if request.context.caller().is_none() {
//!             return Err(ActionError::caller("NO_CALLER", "Say who calls").field("context.caller"));
//!         }
//!         next.run(request).await
//!     }
//! }
//! ```

mod auth;
mod breaker;
mod cache;
#[cfg(feature = "tower")]
mod layer;
mod logging;
mod retry;

pub(crate) use auth::not_authorized;
pub use auth::{Authentication, Credentials, Denied};
pub use breaker::CircuitBreaker;
pub use cache::ResultCache;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use layer::{BoxError, FromLayer, Inner, LayeredStage, Passing, from_layer};
pub use logging::Logging;
pub use retry::Retry;

pub use crate::context::ActionStage;
pub use crate::exchange::{ClientStage, JobStage};
pub use crate::identity::Identity;
pub use crate::session::{MemorySessions, Session, SessionError, SessionStore, Sessions};
pub use crate::stack::{FromFn, Middleware, Next, Stage, StageResult, from_fn};
