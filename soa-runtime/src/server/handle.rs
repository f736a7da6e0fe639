//! The server itself: a handle to its registry of actions and everything that jobs need.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustc_hash::FxHashMap;
use soa_wire::Extensions;
use soa_wire::serializer::Serializers;
use tokio::time::Instant;

use super::age::{Search, UsualTime};
use super::hooks::Hooks;
use super::sampler::Sampler;
use super::stats::Stats;
use super::tally::{ActionTally, Flights};
use crate::builtin::Offer;
use crate::client::{Client, Places};
use crate::context::{ActionStage, ClientHook};
use crate::exchange::JobStage;
use crate::lifetime::{Lifetime, Origin, Signal};
use crate::loss::Losses;
use crate::message::{JobRequest, Name, SwitchSet};
use crate::observe::meter::{ActionMeters, ServerMeters};
use crate::schema::Schema;
use crate::service::Handler;
use crate::stack::Stack;
use crate::transport::Delivery;

/// A service that is ready to run jobs. Cheap to clone.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{ActionError, Client, Context, LocalTransport, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
///     .build()?;
/// let client = Client::builder().service("tools", LocalTransport::new(server)).build()?;
/// let body = client.call_action("tools", "echo", &value!({ "n": 1 })).await?;
/// assert_eq!(body, value!({ "n": 1 }));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Server {
    pub(super) shared: Arc<ServerShared>,
}

/// The part of a server that its clones share.
pub(super) struct ServerShared {
    pub(super) name: Name,
    pub(super) version: Name,
    pub(super) actions: FxHashMap<Name, Registered>,
    /// The description of the actions.
    pub(super) offer: Arc<Offer>,
    pub(super) job_middleware: Stack<JobStage>,
    pub(super) action_middleware: Stack<ActionStage>,
    pub(super) client: Client,
    /// The same client, which knows the services of the same component; set when that is built.
    pub(super) client_of_component: OnceLock<Client>,
    pub(super) client_hook: Option<ClientHook>,
    pub(super) serializers: Serializers,
    pub(super) sends_tracebacks: bool,
    /// True if callers get the texts of internal errors; set once, by the builder or by a test.
    pub(super) tells_internal_errors: OnceLock<bool>,
    pub(super) concurrency: usize,
    pub(super) places: Arc<Places>,
    pub(super) max_actions: usize,
    /// The values that modules above the context keep for handlers.
    pub(super) extensions: Extensions,
    pub(super) job_timeout: Option<Duration>,
    pub(super) honors_caller_timeouts: bool,
    pub(super) hooks: Hooks<Server>,
    pub(super) stats: Stats,
    pub(super) losses: Losses,
    pub(super) meters: ServerMeters,
    /// The search for younger requests, while there are too many.
    pub(super) search: Search,
    /// The jobs in flight for the record; `None` if the server tells none.
    pub(super) flights: Option<Flights>,
    /// Requests that somebody watches.
    pub(super) sampler: Sampler,
    pub(super) delivery: Delivery,
    /// The number of processes that a job may end, where its actions declare none.
    pub(super) crash_limit: u8,
    /// True if the service has idempotent actions of its own.
    pub(super) may_run_again: bool,
}

impl ServerShared {
    /// The client for the calls of handlers.
    pub(super) fn client(&self) -> &Client {
        self.client_of_component.get().unwrap_or(&self.client)
    }
}

/// An action and its metrics.
pub(super) struct Registered {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) meters: ActionMeters,
    /// The time that it usually takes.
    pub(super) usual: UsualTime,
    /// The numbers for the record; `None` if the server tells none.
    pub(super) tally: Option<ActionTally>,
}

impl Server {
    /// Returns the name under which the service runs.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns the version of the service.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// Returns the names of the actions, sorted.
    pub fn action_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.shared.actions.keys().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names
    }

    /// Returns the schema of the requests of an action, or of the variant of it that answers under these switches. `None` if
    /// there is no such action, or if it is registered by name and takes any body.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Server, SwitchSet, Value, text};
    ///
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// let schema = server.request_schema("introspect", &SwitchSet::new()).ok_or("no schema")?;
    /// let body = text::read(&schema, r#"{"action_name": "status"}"#)?;
    /// assert_eq!(body.get("action_name").and_then(Value::as_str), Some("status"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request_schema(&self, action: &str, switches: &SwitchSet) -> Option<Arc<Schema>> {
        let offered = self.shared.offer.answering(action, switches)?;
        offered.request.map(|schema| schema())
    }

    /// Returns the schema of the responses of an action: see [`request_schema`](Self::request_schema).
    pub fn response_schema(&self, action: &str, switches: &SwitchSet) -> Option<Arc<Schema>> {
        let offered = self.shared.offer.answering(action, switches)?;
        offered.response.map(|schema| schema())
    }

    /// Returns the maximum number of jobs that [`run`](Self::run) runs at once.
    pub fn concurrency(&self) -> usize {
        self.shared.concurrency
    }

    /// Returns the counters of the server.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Tells callers the texts of internal errors, unless the builder has set this: for servers under test.
    #[doc(hidden)]
    #[must_use]
    pub fn under_test(self) -> Self {
        self.shared.tells_internal_errors.get_or_init(|| true);
        self
    }

    /// Returns the timeout of the caller, unless it is to be ignored: a caller that wants no response does not wait.
    pub(super) fn caller_timeout(&self, job: &JobRequest) -> Option<Duration> {
        let is_waiting = job.control.suppress_response != Some(true);
        let counts = self.shared.honors_caller_timeouts && is_waiting;
        counts.then(|| job.control.timeout()).flatten()
    }

    /// Makes the lifetime of a job that was received just now.
    pub(super) fn lifetime(&self, job: &JobRequest, stop: Option<Arc<Signal>>) -> Arc<Lifetime> {
        self.lifetime_of(job, stop, Origin::default())
    }

    /// Makes the lifetime of a job that was delivered in this way.
    pub(super) fn lifetime_of(
        &self,
        job: &JobRequest,
        stop: Option<Arc<Signal>>,
        origin: Origin,
    ) -> Arc<Lifetime> {
        let of_caller = self.caller_timeout(job);
        let limit = of_caller.into_iter().chain(self.shared.job_timeout).min();
        // A limit beyond the range of the clock is no limit.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        Arc::new(Lifetime::new(deadline, stop).delivered(origin))
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
