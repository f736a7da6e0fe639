//! Middleware: code around jobs, around actions, and around the calls of a client.
//!
//! A [`Middleware`] is for one [`Stage`], and each stage has a stack of its own:
//!
//! * [`JobStage`]: around a job, on the server;
//! * [`ActionStage`]: around each action of a job, on the server;
//! * [`ClientStage`]: around a call, from sending the request to receiving the response.
//!
//! A middleware is one async method. It may change the request, answer by itself, call `next`, change the response, or call
//! a clone of `next` again. The first one that is added is the outermost. Errors and panics of handlers are responses when
//! middleware gets them. [`from_fn`] makes middleware of a closure.
//!
//! The framework has [`Logging`], [`Record`], [`Authentication`], [`Sessions`], [`Retry`], [`CircuitBreaker`] and
//! [`ResultCache`]. With the feature `tower`, `from_layer` makes middleware of any layer of tower. See the guide
//! [middleware](crate::docs::middleware).
//!
//! ```
//! use soa::middleware::{ActionStage, Middleware, Next};
//! use soa::{ActionCall, ActionError, ActionResponse};
//!
//! /// Refuses callers without a name.
//! struct RequireCaller;
//!
//! impl Middleware<ActionStage> for RequireCaller {
//!     async fn call(
//!         &self,
//!         request: ActionCall,
//!         next: Next<ActionStage>,
//!     ) -> Result<ActionResponse, ActionError> {
//!         if request.context.caller().is_none() {
//!             return Err(ActionError::caller("NO_CALLER", "The caller has no name"));
//!         }
//!         next.run(request).await
//!     }
//! }
//! ```

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(inline)]
pub use soa_redis::RedisSessions;
#[doc(inline)]
pub use soa_runtime::middleware::*;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
#[doc(inline)]
pub use soa_runtime::middleware::{BoxError, FromLayer, Inner, LayeredStage, Passing, from_layer};
