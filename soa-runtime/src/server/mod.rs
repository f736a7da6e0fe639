//! Servers: a service that is ready to run jobs.
//!
//! A [`Server`] is a registry of actions, two stacks of middleware, and a client for the calls that
//! handlers make. It runs jobs ([`Server::execute`]), answers whole frames of the wire
//! ([`Server::answer`]), or takes them from a transport for as long as there are any ([`Server::run`]).
//! It is cheap to clone.
//!
//! Whatever a handler, a middleware or a peer does, the server lives: errors and panics become
//! responses, messages that nobody can answer are counted by [`DropReason`], logged, and dropped.

mod answer;
mod builder;
mod hooks;
mod job;
mod local;
mod run;
mod sibling;
mod stats;
mod variants;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

#[doc(hidden)]
pub use builder::is_wire_name;
pub use builder::{IntoServer, ServerBuilder};
pub use hooks::StartupError;
pub(crate) use job::text_of;
pub use local::LocalTransport;
pub use run::Stopped;
pub use stats::Stats;

pub use crate::wire::DropReason;

use crate::client::Client;
use crate::context::ActionStage;
use crate::context::ClientHook;
use crate::exchange::JobStage;
use crate::lifetime::{Lifetime, Signal};
use crate::message::{JobRequest, JobResponse, Name};
use crate::observe::meter::{ActionMeters, ServerMeters};
use crate::service::{Handler, Service};
use crate::stack::Stack;
use soa_wire::serializer::Serializers;

/// A service that is ready to run jobs. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    name: Name,
    version: Name,
    actions: FxHashMap<Name, Registered>,
    job_middleware: Stack<JobStage>,
    action_middleware: Stack<ActionStage>,
    client: Client,
    client_hook: Option<ClientHook>,
    serializers: Serializers,
    tells_tracebacks: bool,
    concurrency: usize,
    job_timeout: Option<Duration>,
    honors_caller_timeouts: bool,
    hooks: hooks::Hooks,
    stats: Stats,
    meters: ServerMeters,
}

/// An action, and what is counted of it.
struct Registered {
    handler: Arc<dyn Handler>,
    meters: ActionMeters,
}

/// The registry. Its keys are the service's own, so the hash need not withstand anybody.
type Actions = FxHashMap<Name, Arc<dyn Handler>>;

impl Server {
    /// A server for a service, with everything at its default.
    pub fn builder<S: Service>(service: S) -> ServerBuilder {
        ServerBuilder::of(service)
    }

    /// A server whose actions are all registered by name.
    pub fn untyped(name: impl Into<Name>, version: impl Into<Name>) -> ServerBuilder {
        ServerBuilder::new(name.into(), version.into())
    }

    /// The name under which the service runs.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The version of the service.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// The names of the actions, sorted.
    pub fn action_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.shared.actions.keys().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names
    }

    /// How many jobs [`run`](Self::run) runs at once.
    pub fn concurrency(&self) -> usize {
        self.shared.concurrency
    }

    /// What was counted so far.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Runs a job and gives its response; errors and panics are in there.
    ///
    /// The actions run one after another. The first that answers with errors ends the job, unless
    /// `control.continue_on_error` is set.
    ///
    /// An action that is not done when the caller, or the server's own limits, wait no longer is given up and answers
    /// `ACTION_TIMEOUT`; the job ends with it, also under `continue_on_error`.
    pub fn execute(&self, job: JobRequest) -> impl Future<Output = JobResponse> + Send + use<> {
        let lifetime = self.lifetime(&job, None);
        self.execute_within(job, lifetime)
    }

    pub(crate) fn execute_within(
        &self,
        job: JobRequest,
        lifetime: Arc<Lifetime>,
    ) -> impl Future<Output = JobResponse> + Send + use<> {
        job::execute(Arc::clone(&self.shared), job, lifetime, None)
    }

    /// How long the caller says that it waits, if that counts: it does not where no answer is wanted.
    pub(crate) fn waits(&self, job: &JobRequest) -> Option<Duration> {
        let waits =
            self.shared.honors_caller_timeouts && job.control.suppress_response != Some(true);
        waits.then(|| job.control.timeout()).flatten()
    }

    /// How long a job may run that was received just now.
    pub(crate) fn lifetime(&self, job: &JobRequest, stop: Option<Arc<Signal>>) -> Arc<Lifetime> {
        let of_caller = self.waits(job);
        let limit = of_caller.into_iter().chain(self.shared.job_timeout).min();
        // A time so far away that it has no name is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        Arc::new(Lifetime::new(deadline, stop))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.shared.name)
            .field("version", &self.shared.version)
            .field("actions", &self.action_names())
            .finish_non_exhaustive()
    }
}
