//! A call that is seen: its span, and what is counted of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tracing::Span;

use super::Dispatched;
use crate::error::ClientError;
use crate::message::JobResponse;
use crate::observe::meter::CallMeter;
use crate::observe::trace;

/// A job that was handed on, whose span it runs in and whose end is noted.
#[must_use = "futures do nothing unless they are polled"]
pub(crate) struct Observed {
    dispatched: Dispatched,
    span: Span,
    /// `None` for services that the client does not know.
    meter: Option<CallMeter>,
}

impl Observed {
    pub(super) fn new(dispatched: Dispatched, span: Span, meter: Option<CallMeter>) -> Self {
        Self {
            dispatched,
            span,
            meter,
        }
    }
}

impl Future for Observed {
    type Output = Result<JobResponse, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let entered = this.span.enter();
        let outcome = ready!(Pin::new(&mut this.dispatched).poll(cx));
        drop(entered);
        trace::answered(&this.span, &outcome);
        if let Some(meter) = this.meter.take() {
            meter.done(outcome.as_ref().err());
        }
        // The call has ended here, also for whoever keeps this.
        this.span = Span::none();
        Poll::Ready(outcome)
    }
}
