//! Answering: from the frame of a request to the frame of its response.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::handle::Server;
use super::job;
use crate::lifetime::{Origin, Signal};
use crate::message::JobResponse;
use crate::transport::{Backlog, Fit, LocalQueue, MessageLimits, Reply, ServerTransport};
use crate::wire::{self, DropReason, Request, Unreadable};

/// Age of a request from which the transport is told of it: a queue that is emptied is never so old.
const NOTED_AGE: Duration = Duration::from_millis(250);

/// The terms on which a transport has requests answered.
#[derive(Clone, Default)]
pub(super) struct Terms {
    pub(super) limits: MessageLimits,
    /// The state of the queue when the request was taken.
    pub(super) backlog: Backlog,
    /// The way in which the request was delivered.
    origin: Origin,
    /// True if the request is answered even after its expiry.
    is_late: bool,
}

impl Terms {
    pub(super) fn new(limits: MessageLimits, backlog: Backlog) -> Self {
        Self {
            limits,
            backlog,
            ..Self::default()
        }
    }

    /// Returns the terms for a request that the transport holds.
    pub(super) fn of_held(mut self, origin: Origin, is_late: bool) -> Self {
        (self.origin, self.is_late) = (origin, is_late);
        self
    }

    /// Returns true if the request may be refused for its age: what was accepted once is not.
    fn is_first(&self) -> bool {
        self.origin.attempt <= 1 && !self.is_late
    }
}

impl Server {
    /// Answers one request frame.
    ///
    /// Returns `None` if there is nothing to send: the sender wants no response, or the message cannot be answered and
    /// was counted, logged and dropped (protocol, section 10).
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use bytes::Bytes;
    /// use soa::Server;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// assert!(server.answer(Bytes::from_static(b"not a frame")).await.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn answer(&self, frame: Bytes) -> Option<Reply> {
        let transport = None::<&LocalQueue>;
        self.answer_within(frame, Terms::default(), transport, None)
            .await
    }

    /// Answers one request frame that a transport has brought, with a response that is not larger than it can carry.
    ///
    /// Its job is given up when `stopping` is set.
    pub(super) async fn answer_within<T: ServerTransport>(
        &self,
        frame: Bytes,
        terms: Terms,
        transport: Option<&T>,
        stopping: Option<Arc<Signal>>,
    ) -> Option<Reply> {
        // Panics of handlers and middleware are caught further in. This is for custom serializers.
        match AssertUnwindSafe(self.try_answer(frame, terms, transport, stopping))
            .catch_unwind()
            .await
        {
            Ok(reply) => reply,
            Err(_) => {
                tracing::error!(
                    service = self.name(),
                    "reading or writing a message panicked"
                );
                None
            }
        }
    }

    async fn try_answer<T: ServerTransport>(
        &self,
        frame: Bytes,
        terms: Terms,
        transport: Option<&T>,
        stopping: Option<Arc<Signal>>,
    ) -> Option<Reply> {
        let read = match terms.is_late {
            true => wire::read_late_request(&frame, &self.shared.serializers),
            false => wire::read_request(&frame, &self.shared.serializers),
        };
        let request = match read {
            Ok(request) => request,
            Err(unreadable) => {
                self.drop_frame(&frame, &unreadable);
                return None;
            }
        };
        // The bodies of the job are slices of the frame; nothing else keeps it.
        drop(frame);
        let Request {
            head, job, waited, ..
        } = request;
        let limits = terms.limits;
        let mut caller_timeout = None;
        let mut age = Duration::ZERO;
        if let Some(waited) = waited {
            self.shared.meters.queue_wait.record(waited);
            if terms.is_first() {
                age = waited.min(terms.backlog.standing);
            }
            if age >= NOTED_AGE
                && let Some(transport) = transport
            {
                transport.note_age(age);
            }
        }
        let mut is_refusal = false;
        let response = match job {
            Ok(job) => {
                caller_timeout = self.caller_timeout(&job);
                let refused = match terms.is_first() {
                    true => self.refuse_old(&job, age, terms.backlog),
                    false => None,
                };
                match refused.or_else(|| self.refuse_undeliverable(&head, transport)) {
                    Some(refused) => {
                        is_refusal = true;
                        refused
                    }
                    None => {
                        let lifetime = self.lifetime_of(&job, stopping, terms.origin);
                        job::execute(Arc::clone(&self.shared), job, lifetime, waited).await
                    }
                }
            }
            Err(errors) => JobResponse::failed(errors),
        };
        if head.is_suppressed() {
            return None;
        }
        let now = wire::now();
        let write = |response: &JobResponse| wire::write_response_at(now, &head, response);
        let frame = write(&response).or_else(|error| {
            tracing::error!(service = self.name(), %error, "the response cannot be encoded");
            self.shared.meters.not_serializable.increment(1);
            write(&job::not_serializable())
        });
        let frame = frame.and_then(|frame| match limits.fit(&frame) {
            Fit::Small => Ok(frame),
            Fit::Large(size) => {
                tracing::warn!(service = self.name(), size, "the response is large");
                Ok(frame)
            }
            Fit::TooLarge(size) => {
                let (service, maximum) = (self.name(), limits.maximum);
                tracing::error!(service, size, maximum, "the response is too large");
                self.shared.meters.too_large.increment(1);
                write(&job::too_large())
            }
        });
        match frame {
            // What is echoed of the request is the caller's choice, and there is no smaller answer.
            Ok(frame) if matches!(limits.fit(&frame), Fit::TooLarge(_)) => {
                let service = self.name();
                tracing::error!(
                    service,
                    "the error in place of the response is too large, too: no response is sent"
                );
                None
            }
            Ok(frame) => {
                let left = head.left(now).into_iter().chain(caller_timeout).min();
                let mut reply = Reply::new(head.into_reply_to()?, frame, left);
                reply.is_refusal = is_refusal;
                Some(reply)
            }
            Err(error) => {
                // The serializer for the content type of the caller cannot even encode an error.
                tracing::error!(service = self.name(), %error, "the error response cannot be encoded, nothing is sent");
                None
            }
        }
    }

    fn drop_frame(&self, frame: &Bytes, unreadable: &Unreadable) {
        self.shared.stats.count_dropped(unreadable.reason);
        self.shared.meters.dropped(unreadable.reason);
        if unreadable.reason == DropReason::Expired {
            return self.log_expired(unreadable);
        }
        let Some(kept_back) = self.shared.stats.may_log() else {
            return;
        };
        tracing::warn!(
            service = self.name(),
            reason = unreadable.reason.as_str(),
            detail = %unreadable.detail,
            length = frame.len(),
            begins = %wire::redacted(frame),
            kept_back,
            "dropped a message that cannot be answered"
        );
    }

    fn log_expired(&self, unreadable: &Unreadable) {
        let Some(kept_back) = self.shared.stats.may_log_expired() else {
            return;
        };
        let late = match unreadable.late {
            Some(late) => format!("{late:.3?}"),
            None => "unknown".to_owned(),
        };
        tracing::warn!(
            service = self.name(),
            late,
            kept_back,
            "dropped a request that had expired: its caller stopped waiting before it was taken, \
             or the clock of this machine is ahead of the caller's"
        );
    }
}
