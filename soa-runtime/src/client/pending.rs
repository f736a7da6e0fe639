//! Sent now, collected later.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tracing::Span;

use crate::error::{ClientError, TransportError, TransportErrorKind};
use crate::message::Name;

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

/// The response of a call that was sent already.
///
/// Awaiting it gives the response. Waiting may be cut short and tried again:
/// `tokio::time::timeout(limit, &mut pending).await`. Dropping it does not take the call back.
#[must_use = "the response of a call that was sent is collected by awaiting this"]
pub struct Pending<R> {
    service: Name,
    response: Option<oneshot::Receiver<Result<R, ClientError>>>,
}

impl<R: Send + 'static> Pending<R> {
    /// Starts the call and returns as soon as the transport has sent it.
    pub(super) async fn start<F>(
        service: Name,
        run: impl FnOnce(Sent) -> F,
    ) -> Result<Self, ClientError>
    where
        F: Future<Output = Result<R, ClientError>> + Send + 'static,
    {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            let message = "sending a call needs a tokio runtime";
            return Err(ClientError::usage(&service, message));
        };
        let (mark_sent, sent) = oneshot::channel();
        let (give, mut response) = oneshot::channel();
        let watch = Watch {
            waiting: Some(mark_sent),
            span: None,
        };
        let call = run(Sent(Some(Arc::new(Mutex::new(watch)))));
        runtime.spawn(async move {
            // The receiver is gone when the caller dropped its `Pending`.
            let _ = give.send(call.await);
        });
        let outcome = tokio::select! {
            biased;
            Ok(()) = sent => None,
            // It never was on its way: it failed before, or middleware answered it.
            outcome = &mut response => Some(outcome.unwrap_or_else(|_| Err(dropped(&service)))),
        };
        if let Some(outcome) = outcome {
            let (give, ready) = oneshot::channel();
            let _ = give.send(Ok(outcome?)); // The receiver is right here.
            response = ready;
        }
        Ok(Self {
            service,
            response: Some(response),
        })
    }
}

impl<R> Future for Pending<R> {
    type Output = Result<R, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(response) = &mut self.response else {
            let message = "the response of this call was collected already";
            return Poll::Ready(Err(ClientError::usage(&self.service, message)));
        };
        let outcome = ready!(Pin::new(response).poll(cx));
        self.response = None;
        Poll::Ready(outcome.unwrap_or_else(|_| Err(dropped(&self.service))))
    }
}

/// The runtime ended, or the call panicked.
fn dropped(service: &Name) -> ClientError {
    let message = "the call was dropped before it was answered";
    let error = TransportError::new(TransportErrorKind::Closed, message);
    ClientError::transport(service, error)
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
