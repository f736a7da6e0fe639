//! What a server does besides answering: hooks of a run loop.
//!
//! ```text
//! startup ──▶ ready ──▶ requests are taken … told to stop, jobs end ──▶ teardown
//!               └▶ beat  beat  beat  beat  beat  beat  beat  beat  beat
//!                             └▶ idle, while nothing comes
//! ```
//!
//! Beats come from the task of the run loop itself. When that cannot go on, because a handler blocks its thread or the
//! process is stopped, there are none, and whoever looks at their traces (a file, a supervisor) knows. The hooks that
//! are async run in tasks of their own, where a panic ends nothing else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::Server;
use super::job::text_of;
use crate::BoxFuture;
use crate::lifetime::Signal;

/// What a hook can fail with: anything.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A hook that is awaited.
type Awaited<T> = Arc<dyn Fn(Server) -> BoxFuture<T> + Send + Sync>;

/// A hook that takes no time.
type Told = Box<dyn Fn(&Server) + Send + Sync>;

/// The shortest time between two beats, and between two looks whether nothing comes.
const SHORTEST: Duration = Duration::from_millis(10);

/// How long all hooks of the end may take together, where nobody says.
const TEARDOWN: Duration = Duration::from_secs(10);

/// The hooks of a server.
pub(super) struct Hooks {
    startup: Vec<Awaited<Result<(), BoxError>>>,
    ready: Vec<Told>,
    beat: Vec<(Duration, Told)>,
    idle: Vec<(Duration, Awaited<()>)>,
    teardown: Vec<Awaited<()>>,
    teardown_grace: Duration,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            startup: Vec::new(),
            ready: Vec::new(),
            beat: Vec::new(),
            idle: Vec::new(),
            teardown: Vec::new(),
            teardown_grace: TEARDOWN,
        }
    }
}

impl Hooks {
    pub(super) fn on_startup<F, Fut>(&mut self, hook: F)
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.startup
            .push(Arc::new(move |server| Box::pin(hook(server))));
    }

    pub(super) fn on_ready(&mut self, hook: impl Fn(&Server) + Send + Sync + 'static) {
        self.ready.push(Box::new(hook));
    }

    pub(super) fn on_beat(
        &mut self,
        every: Duration,
        hook: impl Fn(&Server) + Send + Sync + 'static,
    ) {
        self.beat.push((every.max(SHORTEST), Box::new(hook)));
    }

    pub(super) fn on_idle<F, Fut>(&mut self, after: Duration, hook: F)
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let hook: Awaited<()> = Arc::new(move |server| Box::pin(hook(server)));
        self.idle.push((after.max(SHORTEST), hook));
    }

    pub(super) fn on_teardown<F, Fut>(&mut self, hook: F)
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.teardown
            .push(Arc::new(move |server| Box::pin(hook(server))));
    }

    pub(super) fn teardown_grace(&mut self, grace: Duration) {
        self.teardown_grace = grace;
    }

    /// How long those of the end may take.
    pub(super) fn longest_teardown(&self) -> Duration {
        if self.teardown.is_empty() {
            Duration::ZERO
        } else {
            self.teardown_grace
        }
    }

    /// Runs those of the beginning, one after another; `false` when the server is told to stop meanwhile.
    pub(super) async fn start(
        &self,
        server: &Server,
        closing: Option<&Signal>,
    ) -> Result<bool, StartupError> {
        let start = async {
            for hook in &self.startup {
                match apart(hook, server).await {
                    Ok(outcome) => outcome.map_err(StartupError)?,
                    Err(panic) => return Err(StartupError(panic.into())),
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

    /// Whether anybody wants to be told by [`live`](Self::live).
    pub(super) fn have_life(&self) -> bool {
        !self.ready.is_empty() || !self.beat.is_empty()
    }

    /// Tells that requests are taken, and from then on that the caller's task goes on; for ever.
    pub(super) async fn live(&self, server: &Server) {
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

    /// Starts what runs while nothing comes. It ends with what this returns.
    pub(super) fn idle(&self, server: &Server) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for (after, hook) in &self.idle {
            tasks.spawn(while_idle(server.clone(), *after, Arc::clone(hook)));
        }
        tasks
    }

    /// Runs those of the end, the last one first, as far as there is time.
    pub(super) async fn tear_down(&self, server: &Server) {
        let all = async {
            for hook in self.teardown.iter().rev() {
                if let Err(panic) = apart(hook, server).await {
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

/// Runs a hook each time that no job was started for so long. It does not run twice at once.
async fn while_idle(server: Server, after: Duration, hook: Awaited<()>) {
    let mut seen = server.stats().jobs();
    loop {
        tokio::time::sleep(after).await;
        let jobs = server.stats().jobs();
        if std::mem::replace(&mut seen, jobs) == jobs
            && let Err(panic) = apart(&hook, &server).await
        {
            tracing::error!(service = server.name(), %panic, "an idle hook panicked");
        }
    }
}

/// Runs a hook in a task of its own, which ends with this future; what it says when it panics.
async fn apart<T: Send + 'static>(hook: &Awaited<T>, server: &Server) -> Result<T, String> {
    let (hook, server) = (Arc::clone(hook), server.clone());
    let mut task = JoinSet::new();
    task.spawn(async move { hook(server).await });
    match task.join_next().await {
        Some(Ok(output)) => Ok(output),
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => Err(format!("panicked: {}", text_of(panic.as_ref()))),
            Err(error) => Err(error.to_string()), // The runtime ends.
        },
        None => Err("the task is gone".to_owned()), // There is one.
    }
}

/// A server that cannot start: a hook of [`on_startup`](super::ServerBuilder::on_startup) failed, with the error that is
/// the source of this one.
#[derive(Debug)]
pub struct StartupError(BoxError);

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server cannot start: a startup hook failed")
    }
}

impl std::error::Error for StartupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
