//! The moment at which every service of the process can be called.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the services that are not ready yet. Clones count the same.
#[derive(Clone, Debug)]
pub(super) struct Readiness(Arc<watch::Sender<usize>>);

impl Readiness {
    /// Waits for this number of services.
    pub(super) fn of(services: usize) -> Self {
        Self(Arc::new(watch::Sender::new(services)))
    }

    /// Notes that one of them is ready.
    pub(super) fn one(&self) {
        self.0
            .send_modify(|missing| *missing = missing.saturating_sub(1));
    }

    /// Waits until all are ready.
    pub(super) async fn all(&self) {
        let mut missing = self.0.subscribe();
        // The sender is here.
        let _ = missing.wait_for(|missing| *missing == 0).await;
    }
}
