//! Calls that are sent now and collected later.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::form::Form;
use crate::BoxFuture;
use crate::error::{ClientError, TransportError, TransportErrorKind};
use crate::exchange::Sent;
use crate::message::Name;

/// The response of a call, a job or parallel calls that were sent already.
///
/// Await it to get the response. [`wait`](Self::wait) waits with a limit before that, any number of times; a response
/// that has arrived is kept. Dropping this does not cancel the call: the service does its work, and the response is
/// dropped.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
///
/// # async fn example(client: soa::Client) -> Result<(), soa::ClientError> {
/// let call = client.call_action("books", "index", &());
/// let mut pending = call.send().await?;
/// while pending.wait(Duration::from_secs(1)).await.is_none() {
///     println!("still waiting");
/// }
/// let response = pending.await?;
/// # Ok(()) }
/// ```
#[must_use = "the response of a call that was sent is collected by awaiting this"]
pub struct Pending<R> {
    service: Name,
    /// The future of the outcome, until that has arrived.
    response: Option<BoxFuture<Result<R, ClientError>>>,
    /// The outcome, from when it has arrived to when it is taken.
    outcome: Option<Result<R, ClientError>>,
}

// The future is behind a box, so nothing in here is pinned in place.
impl<R> Unpin for Pending<R> {}

impl<R: Send + 'static> Pending<R> {
    /// Starts the call and returns as soon as the transport has sent it.
    pub(super) async fn start<F>(
        service: Name,
        run: impl FnOnce(Sent) -> F,
    ) -> Result<Self, ClientError>
    where
        F: Future<Output = Result<R, ClientError>> + Send + 'static,
    {
        let runtime = runtime(&service)?;
        let (mark, sent) = Sent::watched();
        let (give, mut response) = oneshot::channel();
        let call = run(mark);
        runtime.spawn(async move {
            // The receiver is gone when the caller dropped its `Pending`.
            let _ = give.send(call.await);
        });
        let outcome = tokio::select! {
            biased;
            Ok(()) = sent => None,
            // The request was not sent: the call failed before, or middleware answered it.
            outcome = &mut response => Some(outcome.unwrap_or_else(|_| Err(dropped(&service)))),
        };
        if let Some(outcome) = outcome {
            return Ok(Self {
                service,
                response: None,
                outcome: Some(Ok(outcome?)),
            });
        }
        let called = service.clone();
        let response =
            response.map(move |outcome| outcome.unwrap_or_else(|_| Err(dropped(&called))));
        Ok(Self {
            service,
            response: Some(Box::pin(response)),
            outcome: None,
        })
    }

    /// Combines several calls that were sent already.
    pub(super) fn of(response: BoxFuture<Result<R, ClientError>>) -> Self {
        Self {
            service: Name::default(),
            response: Some(response),
            outcome: None,
        }
    }

    /// Returns the outcome of a call that could not be sent.
    pub(super) fn failed(error: ClientError) -> Self {
        Self {
            service: Name::default(),
            response: None,
            outcome: Some(Err(error)),
        }
    }

    /// Waits for the outcome and keeps it, so that this can still be awaited.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let mut pending = client.call_action("echo", "echo", &()).send().await?;
    /// if let Err(error) = pending.outcome().await {
    ///     println!("the call failed: {error}");
    /// }
    /// let response = pending.await?;
    /// # Ok(()) }
    /// ```
    pub async fn outcome(&mut self) -> &Result<R, ClientError> {
        let outcome = (&mut *self).await;
        self.outcome.insert(outcome)
    }

    /// Waits for the outcome with a limit. Returns `None` if there is none by then; this can be called again. An
    /// outcome is kept, so that this can still be awaited.
    ///
    /// A limit of zero checks for an outcome without waiting. Requires a tokio runtime with its time driver.
    pub async fn wait(&mut self, limit: Duration) -> Option<&Result<R, ClientError>> {
        tokio::time::timeout(limit, self.outcome()).await.ok()
    }
}

impl<R> Future for Pending<R> {
    type Output = Result<R, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(outcome) = this.outcome.take() {
            return Poll::Ready(outcome);
        }
        let Some(response) = &mut this.response else {
            let message = "the response of this call was collected already";
            return Poll::Ready(Err(ClientError::usage(&this.service, message)));
        };
        let outcome = ready!(response.as_mut().poll(cx));
        this.response = None;
        Poll::Ready(outcome)
    }
}

/// A call that was sent already can be one of many, too.
impl<R: Send + 'static> Form for Pending<R> {
    type Output = R;

    fn service(&self) -> Name {
        self.service.clone()
    }

    fn start(self, sent: Sent) -> BoxFuture<Result<R, ClientError>> {
        sent.mark();
        Box::pin(self)
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Returns the runtime in which sent calls go on.
pub(super) fn runtime(service: &Name) -> Result<tokio::runtime::Handle, ClientError> {
    tokio::runtime::Handle::try_current()
        .map_err(|_| ClientError::usage(service, "sending a call requires a tokio runtime"))
}

/// Returns the error of a call whose task is gone: the runtime ended, or the call panicked.
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
