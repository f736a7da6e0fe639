//! The entrance for doors: listeners that are not queues, such as an HTTP server.
//!
//! A door makes a job of what it was sent, and hands it over here. From then on, it is a job like any other: middleware,
//! deadlines, limits, permissions, spans and metrics do not know where it came from.

use std::sync::Arc;

use super::handle::Server;
use super::job::job_state;
use crate::context::Context;
use crate::descriptor::{ActionDescriptor, ServiceDescriptor};
use crate::health::Checks;
use crate::lifetime::Signal;
use crate::message::{JobRequest, Name, SwitchSet};
use crate::transport::ReplyFuture;

/// The end of the jobs that came by a door, when the grace of its stop is over. Clones are the same end.
#[derive(Clone, Debug, Default)]
pub struct DoorStop(Arc<Signal>);

impl DoorStop {
    /// Gives up all jobs that still run. They answer `ACTION_TIMEOUT`.
    pub fn give_up(&self) {
        self.0.set();
    }

    /// Returns the number of jobs that were given up.
    pub fn given_up(&self) -> usize {
        self.0.ended()
    }
}

/// For the doors of this framework.
#[doc(hidden)]
impl Server {
    /// Runs a job that came by a door. If the caller goes away, a started job is finished in a task of its own.
    pub fn admit(&self, job: JobRequest, stop: &DoorStop) -> ReplyFuture {
        self.start(job, Some(Arc::clone(&stop.0)))
    }

    /// Returns the context of a request that runs no action of the server, such as one for its health. The job has the head
    /// of the request, and no actions.
    pub fn context(&self, job: JobRequest) -> Context {
        let lifetime = self.lifetime(&job, None);
        let state = job_state(&self.shared, job.context, job.control, lifetime);
        Context::new(state, Name::default(), job.extensions, None)
    }

    /// Returns the health checks of the server.
    pub(crate) fn checks(&self) -> Option<Arc<Checks>> {
        self.shared.extensions.get().map(Arc::clone)
    }

    /// Returns true if callers get the texts of internal errors.
    pub(crate) fn tells_internal_errors(&self) -> bool {
        self.shared.tells_internal_errors.get() == Some(&true)
    }

    /// Returns the descriptor of the service; `None` if its actions are registered by name.
    pub fn descriptor(&self) -> Option<&'static ServiceDescriptor> {
        self.shared.offer.descriptor
    }

    /// Returns the description of an action, or of the variant of it, that answers under these switches. `None` if there
    /// is no such action, or if it is registered by name.
    pub fn answering(&self, action: &str, switches: &SwitchSet) -> Option<ActionDescriptor> {
        self.shared.offer.answering(action, switches)?.descriptor
    }

    /// Returns true if the server has an action of this name.
    pub fn has_action(&self, action: &str) -> bool {
        self.shared.actions.contains_key(action)
    }
}
