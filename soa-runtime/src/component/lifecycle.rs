//! The lifecycle of a component: its hooks, and its state.
//!
//! ```text
//! virgin ──startup hooks──▶ running ──teardown hooks, the last one first──▶ stopped
//!    └─ a startup hook fails: teardown hooks that were added before it ──▶ stopped
//! ```

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::server::{AsyncHook, BoxError, StartupError, TEARDOWN_GRACE, run_in_task};

/// The state of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ComponentState {
    /// It was never started.
    #[default]
    Virgin,
    /// Its startup hooks are done.
    Running,
    /// It was stopped, or could not be started.
    Stopped,
}

impl fmt::Display for ComponentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Virgin => "virgin",
            Self::Running => "running",
            Self::Stopped => "stopped",
        })
    }
}

/// A hook, in the order in which they were added. `C` is the component.
pub(super) enum Hook<C> {
    Startup(AsyncHook<C, Result<(), BoxError>>),
    Teardown(AsyncHook<C, ()>),
}

/// The hooks of a component, and its state.
pub(super) struct Lifecycle<C> {
    pub(super) hooks: Vec<Hook<C>>,
    state: watch::Sender<ComponentState>,
    /// The number of hooks, from the first, that are to be undone. It is held while they run.
    to_undo: Mutex<usize>,
}

impl<C> Default for Lifecycle<C> {
    fn default() -> Self {
        Self {
            hooks: Vec::new(),
            state: watch::Sender::default(),
            to_undo: Mutex::default(),
        }
    }
}

impl<C: Clone + Send + 'static> Lifecycle<C> {
    pub(super) fn state(&self) -> ComponentState {
        *self.state.borrow()
    }

    pub(super) async fn start(&self, name: &str, component: &C) -> Result<(), StartupError> {
        let mut to_undo = self.to_undo.lock().await;
        if self.state() == ComponentState::Running {
            return Ok(());
        }
        for (index, hook) in self.hooks.iter().enumerate() {
            *to_undo = index;
            let Hook::Startup(hook) = hook else { continue };
            let outcome = run_in_task(hook, component).await;
            if let Err(error) = outcome.unwrap_or_else(|panic| Err(panic.into())) {
                self.undo(std::mem::take(&mut *to_undo), name, component)
                    .await;
                return Err(StartupError::of_component(name, error));
            }
        }
        *to_undo = self.hooks.len();
        self.state.send_replace(ComponentState::Running);
        Ok(())
    }

    pub(super) async fn stop(&self, name: &str, component: &C) {
        let mut to_undo = self.to_undo.lock().await;
        if self.state() == ComponentState::Running || *to_undo > 0 {
            self.undo(std::mem::take(&mut *to_undo), name, component)
                .await;
        }
    }

    /// Runs the teardown hooks among the first ones, in reverse, until their grace is over.
    async fn undo(&self, count: usize, name: &str, component: &C) {
        let all = async {
            for hook in self.hooks.iter().take(count).rev() {
                let Hook::Teardown(hook) = hook else { continue };
                if let Err(panic) = run_in_task(hook, component).await {
                    tracing::error!(component = name, %panic, "a teardown hook panicked");
                }
            }
        };
        let grace = TEARDOWN_GRACE;
        if tokio::time::timeout(grace, all).await.is_err() {
            let message = "teardown hooks took too long and are given up";
            tracing::error!(component = name, ?grace, "{message}");
        }
        self.state.send_replace(ComponentState::Stopped);
    }

    /// Returns the maximum time that the teardown takes.
    pub(super) fn max_stop_time(&self) -> Duration {
        match self.hooks.is_empty() {
            true => Duration::ZERO,
            false => TEARDOWN_GRACE,
        }
    }
}
