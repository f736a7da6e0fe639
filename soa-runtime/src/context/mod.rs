//! Contexts: everything that a handler sees of the job that it runs in.
//!
//! ```text
//! handle   the context, the call of an action that carries it, and the server behind it
//! build    contexts for tests, and changes of a context
//! stage    the stage of middleware around actions
//! local    calls of other actions of the same server
//! ```

mod build;
mod handle;
mod local;
mod stage;

pub use handle::{ActionCall, ActionFuture, Context, LocalServer};
pub(crate) use handle::{ClientHook, Host, JobState, Siblings};
#[doc(hidden)]
pub use handle::{ClientLayer, FrozenTime};
pub use stage::ActionStage;
