//! The mark that a request is on its way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tracing::Span;

/// The mark of a request that is on its way, set by the transport. Clones are the same mark.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::ClientRequest;
/// use soa::transport::{ClientTransport, ReplyFuture};
/// use soa::JobResponse;
///
/// /// Answers every job with an empty response.
/// struct Empty;
///
/// impl ClientTransport for Empty {
///     fn call(&self, request: ClientRequest) -> ReplyFuture {
///         request.sent.mark();
///         ReplyFuture::ready(Ok(JobResponse::default()))
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Sent(Option<Arc<Mutex<Watch>>>);

/// The observers of the mark.
#[derive(Debug, Default)]
struct Watch {
    waiting: Option<oneshot::Sender<()>>,
    /// The span of sending, which ends with the mark.
    span: Option<Span>,
    /// The mark that is set with this one.
    outer: Option<Sent>,
}

impl Sent {
    /// Returns a mark that is not watched.
    pub(crate) fn unwatched() -> Self {
        Self(None)
    }

    /// Returns a mark, and a receiver that is told when it is set.
    #[doc(hidden)]
    pub fn watched() -> (Self, oneshot::Receiver<()>) {
        let (waiting, sent) = oneshot::channel();
        let watch = Watch {
            waiting: Some(waiting),
            ..Watch::default()
        };
        (Self(Some(Arc::new(Mutex::new(watch)))), sent)
    }

    /// True if somebody waits for the mark.
    #[doc(hidden)]
    pub fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    /// Returns another mark, which sets this one, too, and a receiver that is told when it is set.
    #[doc(hidden)]
    pub fn observed(&self) -> (Self, oneshot::Receiver<()>) {
        let (mark, sent) = Self::watched();
        if let (Some(watch), Some(_)) = (&mark.0, &self.0) {
            lock(watch).outer = Some(self.clone());
        }
        (mark, sent)
    }

    /// Returns the same mark, which also ends this span, unless it is disabled.
    pub(crate) fn traced(self, span: Span) -> Self {
        if span.is_none() {
            return self;
        }
        let watch = self.0.unwrap_or_default();
        lock(&watch).span = Some(span);
        Self(Some(watch))
    }

    /// Sets the mark. A second time changes nothing.
    pub fn mark(&self) {
        let Some(watch) = &self.0 else { return };
        let Watch {
            waiting,
            span,
            outer,
        } = std::mem::take(&mut *lock(watch));
        drop(span);
        if let Some(outer) = outer {
            outer.mark();
        }
        if let Some(sent) = waiting {
            // The receiver is gone when the caller has given up, which is no error.
            let _ = sent.send(());
        }
    }
}

fn lock(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    // Nothing panics while this is locked.
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
