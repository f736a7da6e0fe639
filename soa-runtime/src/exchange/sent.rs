//! The mark that a request is on its way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tracing::Span;

/// Where a transport says that a request is on its way. Clones say it for the same call.
#[derive(Clone, Debug)]
pub struct Sent(Option<Arc<Mutex<Watch>>>);

/// Who wants to know it.
#[derive(Debug, Default)]
struct Watch {
    waiting: Option<oneshot::Sender<()>>,
    /// The time until then.
    span: Option<Span>,
}

impl Sent {
    /// For calls where nobody waits for it.
    pub(crate) fn unwatched() -> Self {
        Self(None)
    }

    /// A mark, and the receiver that is told when it is set.
    pub(crate) fn watched() -> (Self, oneshot::Receiver<()>) {
        let (waiting, sent) = oneshot::channel();
        let watch = Watch {
            waiting: Some(waiting),
            span: None,
        };
        (Self(Some(Arc::new(Mutex::new(watch)))), sent)
    }

    /// The same, which ends this span, if it is one.
    pub(crate) fn traced(self, span: Span) -> Self {
        if span.is_none() {
            return self;
        }
        let watch = self.0.unwrap_or_default();
        lock(&watch).span = Some(span);
        Self(Some(watch))
    }

    /// Says it. A second time changes nothing.
    pub fn mark(&self) {
        let Some(watch) = &self.0 else { return };
        let Watch { waiting, span } = std::mem::take(&mut *lock(watch));
        drop(span);
        if let Some(sent) = waiting {
            // Nobody waits any more when the caller has given up; that is its right.
            let _ = sent.send(());
        }
    }
}

fn lock(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    // Nothing panics while this is locked.
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
