//! Responses that were lost, as they are counted and told.
//!
//! A list that takes nothing, or a Redis that is away, loses many responses at once. The first is logged, and what follows
//! is counted and told together when some time has passed, and at the stop of the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::error::TransportError;
use crate::message::Name;
use crate::observe::names;

/// Time between two log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The lost responses of one service. Clones count the same.
#[derive(Clone, Debug)]
pub struct Losses {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    service: Name,
    total: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Time until which losses are kept for the next line.
    quiet_until: Option<Instant>,
    /// Number of losses since the last line, and the error of the first of them.
    untold: u64,
    error: String,
}

impl Losses {
    /// Returns the losses of a service, none so far.
    pub fn new(service: &Name) -> Self {
        Self {
            shared: Arc::new(Shared {
                service: service.clone(),
                total: AtomicU64::new(0),
                state: Mutex::default(),
            }),
        }
    }

    /// Counts a response that was lost for this reason.
    pub fn count(&self, error: &TransportError) {
        let service = &self.shared.service;
        names::RESPONSE_LOST.counter([service]).increment(1);
        self.shared.total.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut state = self.shared.state();
        let quiet_until = state.quiet_until.filter(|until| *until > now);
        let Some(until) = quiet_until else {
            state.quiet_until = Some(now + LOG_INTERVAL);
            drop(state);
            tracing::error!(%service, %error, "a response was lost");
            return;
        };
        state.untold += 1;
        if state.untold > 1 {
            return;
        }
        state.error = error.to_string();
        drop(state);
        let shared = Arc::downgrade(&self.shared);
        // Elsewhere the stop tells.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(until).await;
                if let Some(shared) = shared.upgrade() {
                    shared.tell();
                }
            });
        }
    }

    /// Returns the number of responses that were lost so far.
    pub fn total(&self) -> u64 {
        self.shared.total.load(Ordering::Relaxed)
    }

    /// Logs what was not logged yet.
    pub fn tell(&self) {
        self.shared.tell();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let mut state = self.state();
        let (lost, error) = (
            std::mem::take(&mut state.untold),
            std::mem::take(&mut state.error),
        );
        if lost == 0 {
            return;
        }
        state.quiet_until = Some(Instant::now() + LOG_INTERVAL);
        drop(state);
        let service = &self.service;
        tracing::error!(%service, error, lost, "further responses were lost");
    }
}
