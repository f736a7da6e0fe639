//! The entrance for doors: listeners that are not queues, such as an HTTP server.
//!
//! A door makes a job of what it was sent, and hands it over here. From then on, it is a job like any other: middleware,
//! deadlines, limits, permissions, spans and metrics do not know where it came from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

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
pub struct DoorStop {
    giving_up: Arc<Signal>,
    running: Arc<Running>,
}

/// The jobs that run, also those whose callers are gone.
#[derive(Debug, Default)]
struct Running {
    jobs: AtomicUsize,
    /// True once somebody waits for the end of all jobs.
    is_awaited: AtomicBool,
    done: Notify,
}

/// One of the jobs that run.
struct RunningJob(Arc<Running>);

impl RunningJob {
    fn new(running: &Arc<Running>) -> Self {
        running.jobs.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(running))
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        // In one order with those of who waits: one of both sees what the other has done.
        let was_last = self.0.jobs.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && self.0.is_awaited.load(Ordering::SeqCst) {
            self.0.done.notify_waiters();
        }
    }
}

impl DoorStop {
    /// Gives up all jobs that still run. They answer `ACTION_TIMEOUT`.
    pub fn give_up(&self) {
        self.giving_up.set();
    }

    /// Returns the number of jobs that were given up.
    pub fn given_up(&self) -> usize {
        self.giving_up.ended()
    }

    /// Returns the number of jobs that run.
    pub fn running(&self) -> usize {
        self.running.jobs.load(Ordering::SeqCst)
    }

    /// Waits until no job runs.
    pub async fn done(&self) {
        self.running.is_awaited.store(true, Ordering::SeqCst);
        loop {
            let mut done = std::pin::pin!(self.running.done.notified());
            // From here on no end is missed, so look afterwards.
            done.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            done.await;
        }
    }
}

/// For the doors of this framework.
#[doc(hidden)]
impl Server {
    /// Runs a job that came by a door. If the caller goes away, a started job is finished in a task of its own.
    pub fn admit(&self, job: JobRequest, stop: &DoorStop) -> ReplyFuture {
        let running = RunningJob::new(&stop.running);
        self.start(job, Some(Arc::clone(&stop.giving_up)), running)
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

    /// Returns true if middleware authenticates the callers.
    pub fn authenticates(&self) -> bool {
        self.shared.job_middleware.authenticates() || self.shared.action_middleware.authenticates()
    }

    /// Returns the greatest number of actions of a job.
    pub fn max_actions(&self) -> usize {
        self.shared.max_actions
    }

    /// Returns true if the server has an action of this name.
    pub fn has_action(&self, action: &str) -> bool {
        self.shared.actions.contains_key(action)
    }
}
