//! The lifecycle of a server: its hooks, from startup to teardown.
//!
//! ```text
//! startup ──▶ ready ──▶ requests are taken … told to stop, jobs end ──▶ teardown
//!               └▶ beat  beat  beat  beat  beat  beat  beat  beat  beat
//!                             └▶ idle, while no job is started
//! ```
//!
//! Beats come from the task of the run loop itself. They stop when that task cannot go on, because a handler blocks its
//! thread or the process is stopped, and an observer of their traces (a file, a supervisor) notices. The async hooks
//! run in tasks of their own, where a panic ends nothing else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::handle::Server;
use super::hooks::{AsyncHook, BoxError, Hooks};
use super::panic::panic_message;
use crate::error::TransportError;
use crate::lifetime::Signal;

impl Hooks<Server> {
    /// Runs the startup hooks, one after another. Returns false if the server is told to stop meanwhile.
    pub(super) async fn start(
        &self,
        server: &Server,
        closing: Option<&Signal>,
    ) -> Result<bool, StartupError> {
        let start = async {
            for hook in &self.startup {
                match run_in_task(hook, server).await {
                    Ok(outcome) => outcome.map_err(StartupError::of_server)?,
                    Err(panic) => return Err(StartupError::of_server(panic.into())),
                }
            }
            Ok(true)
        };
        let Some(closing) = closing else {
            return start.await;
        };
        tokio::select! {
            biased;
            () = closing.wait() => Ok(false),
            started = start => started,
        }
    }

    /// Returns true if there are hooks for [`keep_beating`](Self::keep_beating).
    pub(super) fn has_ready_or_beat(&self) -> bool {
        !self.ready.is_empty() || !self.beat.is_empty()
    }

    /// Calls the ready hooks once, and from then on the beat hooks, for ever.
    pub(super) async fn keep_beating(&self, server: &Server) {
        for hook in &self.ready {
            hook(server);
        }
        let beats = self.beat.iter().map(|(every, hook)| async move {
            loop {
                hook(server);
                tokio::time::sleep(*every).await;
            }
        });
        join_all(beats).await;
        // There are no beats, so the above has ended.
        std::future::pending().await
    }

    /// Starts the idle hooks. They end when the returned set is dropped.
    pub(super) fn idle(&self, server: &Server) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for (after, hook) in &self.idle {
            tasks.spawn(while_idle(server.clone(), *after, Arc::clone(hook)));
        }
        tasks
    }

    /// Runs the teardown hooks, the last one first, until their grace is over.
    pub(super) async fn tear_down(&self, server: &Server) {
        let all = async {
            for hook in self.teardown.iter().rev() {
                if let Err(panic) = run_in_task(hook, server).await {
                    tracing::error!(service = server.name(), %panic, "a teardown hook panicked");
                }
            }
        };
        let grace = self.teardown_grace;
        if tokio::time::timeout(grace, all).await.is_err() {
            let service = server.name();
            tracing::error!(
                service,
                ?grace,
                "teardown hooks took too long and are given up"
            );
        }
    }
}

/// Runs a hook each time that no job was started for this long. It does not run twice at once.
async fn while_idle(server: Server, after: Duration, hook: AsyncHook<Server, ()>) {
    let mut seen = server.stats().jobs();
    loop {
        tokio::time::sleep(after).await;
        let jobs = server.stats().jobs();
        if std::mem::replace(&mut seen, jobs) == jobs
            && let Err(panic) = run_in_task(&hook, &server).await
        {
            tracing::error!(service = server.name(), %panic, "an idle hook panicked");
        }
    }
}

/// Runs a hook in a task of its own, which ends with this future. The error is the message of a panic.
pub(crate) async fn run_in_task<S, T>(hook: &AsyncHook<S, T>, server: &S) -> Result<T, String>
where
    S: Clone + Send + 'static,
    T: Send + 'static,
{
    let (hook, server) = (Arc::clone(hook), server.clone());
    let mut task = JoinSet::new();
    task.spawn(async move { hook(server).await });
    match task.join_next().await {
        Some(Ok(output)) => Ok(output),
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => Err(format!("panicked: {}", panic_message(panic.as_ref()))),
            Err(error) => Err(error.to_string()), // The runtime ends.
        },
        None => Err("the task is gone".to_owned()), // There is one.
    }
}

/// The error of a server or a component that cannot start: a hook of [`on_startup`](super::ServerBuilder::on_startup)
/// failed, or the transport cannot do what the server promises. The text includes that of its error, which
/// [`reason`](Self::reason) returns.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::transport::LocalQueue;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0")
///     .on_startup(|_| async { Err("the database is down".into()) })
///     .build()?;
/// let error = server.run(LocalQueue::new()).await.unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the server cannot start: a startup hook failed: the database is down",
/// );
/// # Ok(()) }
/// ```
pub struct StartupError {
    subject: String,
    /// The thing that failed; nothing for the transport, which says it itself.
    what: &'static str,
    reason: BoxError,
}

/// The thing that failed where a hook did.
const HOOK: &str = "a startup hook failed: ";

impl StartupError {
    fn of_server(reason: BoxError) -> Self {
        let subject = "the server".to_owned();
        Self {
            subject,
            what: HOOK,
            reason,
        }
    }

    pub(super) fn of_transport(reason: TransportError) -> Self {
        Self {
            subject: "the server".to_owned(),
            what: "",
            reason: reason.into(),
        }
    }

    pub(crate) fn of_component(name: &str, reason: BoxError) -> Self {
        let subject = format!("the component `{name}`");
        Self {
            subject,
            what: HOOK,
            reason,
        }
    }

    /// Returns the error of the hook, or of the transport.
    pub fn reason(&self) -> &(dyn std::error::Error + 'static) {
        &*self.reason
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            what,
            reason,
        } = self;
        write!(f, "{subject} cannot start: {what}{reason}")
    }
}

impl std::error::Error for StartupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.reason.source()
    }
}

soa_wire::debug_as_text!(StartupError);
