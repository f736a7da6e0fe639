//! The hooks of a server, as its builder collects them. `lifecycle` runs them.

use std::sync::Arc;
use std::time::Duration;

use crate::BoxFuture;
use crate::transport::DeadLetter;

/// The error of a hook, which may be any.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A hook that is awaited. `S` is the server.
pub(crate) type AsyncHook<S, T> = Arc<dyn Fn(S) -> BoxFuture<T> + Send + Sync>;

/// A hook that is called and has to be quick.
pub(crate) type SyncHook<S> = Box<dyn Fn(&S) + Send + Sync>;

/// A hook that is told of a dead letter, and has to be quick.
pub(crate) type DeadHook<S> = Box<dyn Fn(&S, &DeadLetter) + Send + Sync>;

/// The minimum interval between two beats, and between two checks for idleness.
const MIN_HOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The default of the time that all teardown hooks may take together.
pub(crate) const TEARDOWN_GRACE: Duration = Duration::from_secs(10);

/// The hooks of a server.
pub(super) struct Hooks<S> {
    pub(super) startup: Vec<AsyncHook<S, Result<(), BoxError>>>,
    pub(super) ready: Vec<SyncHook<S>>,
    pub(super) beat: Vec<(Duration, SyncHook<S>)>,
    pub(super) idle: Vec<(Duration, AsyncHook<S, ()>)>,
    pub(super) teardown: Vec<AsyncHook<S, ()>>,
    pub(super) teardown_grace: Duration,
    pub(super) dead: Vec<DeadHook<S>>,
}

impl<S> Default for Hooks<S> {
    fn default() -> Self {
        Self {
            startup: Vec::new(),
            ready: Vec::new(),
            beat: Vec::new(),
            idle: Vec::new(),
            teardown: Vec::new(),
            teardown_grace: TEARDOWN_GRACE,
            dead: Vec::new(),
        }
    }
}

impl<S> Hooks<S> {
    pub(super) fn on_startup<F, Fut>(&mut self, hook: F)
    where
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.startup
            .push(Arc::new(move |server| Box::pin(hook(server))));
    }

    pub(super) fn on_ready(&mut self, hook: impl Fn(&S) + Send + Sync + 'static) {
        self.ready.push(Box::new(hook));
    }

    pub(super) fn on_beat(&mut self, every: Duration, hook: impl Fn(&S) + Send + Sync + 'static) {
        self.beat
            .push((every.max(MIN_HOOK_INTERVAL), Box::new(hook)));
    }

    pub(super) fn on_idle<F, Fut>(&mut self, after: Duration, hook: F)
    where
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let hook: AsyncHook<S, ()> = Arc::new(move |server| Box::pin(hook(server)));
        self.idle.push((after.max(MIN_HOOK_INTERVAL), hook));
    }

    pub(super) fn on_teardown<F, Fut>(&mut self, hook: F)
    where
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.teardown
            .push(Arc::new(move |server| Box::pin(hook(server))));
    }

    pub(super) fn on_dead(&mut self, hook: impl Fn(&S, &DeadLetter) + Send + Sync + 'static) {
        self.dead.push(Box::new(hook));
    }

    pub(super) fn teardown_grace(&mut self, grace: Duration) {
        self.teardown_grace = grace;
    }

    /// Returns the maximum time that the teardown takes.
    pub(super) fn max_teardown_time(&self) -> Duration {
        if self.teardown.is_empty() {
            Duration::ZERO
        } else {
            self.teardown_grace
        }
    }
}
