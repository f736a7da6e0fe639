//! The lifecycle of a component: its hooks, and its state.
//!
//! ```text
//! virgin ──startup hooks──▶ running ──teardown hooks, the last one first──▶ stopped
//!    └─ a startup hook fails: teardown hooks that were added before it ──▶ stopped
//! ```

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::Component;
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

/// A hook, in the order in which they were added.
pub(super) enum Hook {
    Startup(AsyncHook<Component, Result<(), BoxError>>),
    Teardown(AsyncHook<Component, ()>),
}

/// The hooks of a component, and its state.
#[derive(Default)]
pub(super) struct Lifecycle {
    pub(super) hooks: Vec<Hook>,
    state: watch::Sender<ComponentState>,
    /// The number of hooks, from the first, that are to be undone. It is held while they run.
    to_undo: Mutex<usize>,
}

impl Component {
    /// Returns the state.
    pub fn state(&self) -> ComponentState {
        *self.lifecycle.state.borrow()
    }

    /// Runs the startup hooks in their order. A running component is left as it is. A program does this itself, before the
    /// services start.
    ///
    /// # Errors
    /// A startup hook fails or panics. The teardown hooks that were added before it have run then, the last one first.
    pub async fn start(&self) -> Result<(), StartupError> {
        let mut to_undo = self.lifecycle.to_undo.lock().await;
        if self.state() == ComponentState::Running {
            return Ok(());
        }
        for (index, hook) in self.lifecycle.hooks.iter().enumerate() {
            *to_undo = index;
            let Hook::Startup(hook) = hook else { continue };
            let outcome = run_in_task(hook, self).await;
            if let Err(error) = outcome.unwrap_or_else(|panic| Err(panic.into())) {
                self.undo(std::mem::take(&mut *to_undo)).await;
                return Err(StartupError::of_component(self.name(), error));
            }
        }
        *to_undo = self.lifecycle.hooks.len();
        self.lifecycle.state.send_replace(ComponentState::Running);
        Ok(())
    }

    /// Runs the teardown hooks, the last one first. A component that does not run is left as it is; of one whose start was
    /// given up, only the hooks run that undo what was done. A program does this itself, when the services have stopped.
    pub async fn stop(&self) {
        let mut to_undo = self.lifecycle.to_undo.lock().await;
        if self.state() == ComponentState::Running || *to_undo > 0 {
            self.undo(std::mem::take(&mut *to_undo)).await;
        }
    }

    /// Runs the teardown hooks among the first ones, in reverse, until their grace is over.
    async fn undo(&self, count: usize) {
        let component = self.name();
        let all = async {
            for hook in self.lifecycle.hooks.iter().take(count).rev() {
                let Hook::Teardown(hook) = hook else { continue };
                if let Err(panic) = run_in_task(hook, self).await {
                    tracing::error!(component, %panic, "a teardown hook panicked");
                }
            }
        };
        if tokio::time::timeout(TEARDOWN_GRACE, all).await.is_err() {
            tracing::error!(component, grace = ?TEARDOWN_GRACE, "teardown hooks took too long and are given up");
        }
        self.lifecycle.state.send_replace(ComponentState::Stopped);
    }

    /// Returns the maximum time that [`stop`](Self::stop) takes.
    #[doc(hidden)]
    pub fn max_stop_time(&self) -> Duration {
        let has_hooks = !self.lifecycle.hooks.is_empty();
        has_hooks.then_some(TEARDOWN_GRACE).unwrap_or_default()
    }
}
