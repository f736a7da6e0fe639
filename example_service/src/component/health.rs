//! The health of the component, which its service can set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use soa::Context;
use soa::health::{Health as Found, HealthCheck};

/// The state behind the health checks. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<State>);

#[derive(Debug, Default)]
struct State {
    main: Mutex<(String, String)>,
    delay: Mutex<Duration>,
    runs: AtomicU64,
}

impl Health {
    /// Sets the status of the check `main`: `OK`, `WARNING` or `ERROR`.
    pub fn set(&self, status: String, details: String) {
        let mut main = self.0.main.lock().unwrap_or_else(PoisonError::into_inner);
        *main = (status, details);
    }

    /// Sets the time that the check `speed` takes.
    pub fn set_delay(&self, delay: Duration) {
        *self.0.delay.lock().unwrap_or_else(PoisonError::into_inner) = delay;
    }

    pub(super) fn main_check(&self) -> HealthCheck {
        let state = Arc::clone(&self.0);
        HealthCheck::new("main", move |_: Context| {
            let main = state.main.lock().unwrap_or_else(PoisonError::into_inner);
            let (status, details) = main.clone();
            let found = match &*status {
                "WARNING" => Found::warning("MAIN", details),
                "ERROR" => Found::error("MAIN", details),
                _ => Found::ok().details(details),
            };
            async { found }
        })
    }

    pub(super) fn speed_check(&self) -> HealthCheck {
        let state = Arc::clone(&self.0);
        let check = HealthCheck::new("speed", move |_: Context| {
            let delay = *state.delay.lock().unwrap_or_else(PoisonError::into_inner);
            async move {
                tokio::time::sleep(delay).await;
                Found::ok()
            }
        });
        check.fail_if_slower_than(Duration::from_millis(200))
    }

    pub(super) fn cached_check(&self) -> HealthCheck {
        let state = Arc::clone(&self.0);
        let check = HealthCheck::new("cached", move |_: Context| {
            let runs = state.runs.fetch_add(1, Ordering::Relaxed) + 1;
            async move { Found::ok().details(format!("runs {runs}")) }
        });
        check.cached(Duration::from_secs(3600))
    }
}
