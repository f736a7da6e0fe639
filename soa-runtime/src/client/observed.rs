//! The future of a job's response, with the span and the metrics of its call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tracing::Span;

use super::reply::JobReply;
use crate::error::ClientError;
use crate::message::JobResponse;
use crate::observe::meter::CallMeter;
use crate::observe::trace;

/// A [`JobReply`] that is polled in the span of its call and records its end.
#[must_use = "futures do nothing unless they are polled"]
pub(super) struct Observed {
    reply: JobReply,
    span: Span,
    /// `None` for services that the client does not know.
    meter: Option<CallMeter>,
}

impl Observed {
    pub(super) fn new(reply: JobReply, span: Span, meter: Option<CallMeter>) -> Self {
        Self { reply, span, meter }
    }

    /// Changes the reply. The change is a part of the call.
    pub(super) fn map_reply(self, change: impl FnOnce(JobReply) -> JobReply) -> Self {
        Self {
            reply: change(self.reply),
            ..self
        }
    }
}

impl Future for Observed {
    type Output = Result<JobResponse, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let entered = this.span.enter();
        let outcome = ready!(Pin::new(&mut this.reply).poll(cx));
        drop(entered);
        trace::answered(&this.span, &outcome);
        if let Some(meter) = this.meter.take() {
            meter.done(outcome.as_ref().err());
        }
        // The call has ended here, also for those who keep this.
        this.span = Span::none();
        Poll::Ready(outcome)
    }
}
