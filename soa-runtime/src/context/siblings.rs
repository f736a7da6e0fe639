//! The server that runs an action, as the context of the action knows it.

use std::fmt;
use std::sync::Arc;

use super::call::{ActionCall, ActionFuture};
use crate::lifetime::Blocking;
use crate::message::Name;

/// The other actions of the server that runs a job.
pub(crate) trait Siblings: Send + Sync {
    /// Runs an action of the server, without a job, a transport or middleware around it.
    fn call(self: Arc<Self>, call: ActionCall) -> ActionFuture;

    /// Counts a handler that blocks a thread of its own, so that the server waits for it when it stops.
    fn blocking(&self) -> Blocking;
}

/// A server in this process whose actions a context can call: made of a [`Server`](crate::Server).
pub struct LocalServer {
    pub(crate) service: Name,
    pub(crate) siblings: Arc<dyn Siblings>,
}

impl fmt::Debug for LocalServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalServer").field(&self.service).finish()
    }
}
