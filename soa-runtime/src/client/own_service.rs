//! Calls that a handler makes to its own service, over the transport.
//!
//! ```text
//! handler, which has a place ──▶ queue ──▶ job of the same service, which needs a place, too
//! ```
//!
//! If all places of this process are taken by handlers that wait in this way, and no other process takes requests of the
//! service, nothing moves until the calls time out. The error of such a call says so. A call that the handler gives up,
//! because the deadline of its own job has passed, has no error, so it is logged.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::reply::JobReply;
use crate::error::{ClientError, ErrorKind};
use crate::log_limit::LogLimit;
use crate::message::{JobResponse, Name};

/// The places for jobs that a server has: as many as jobs may run side by side.
#[derive(Debug)]
pub(crate) struct Places {
    service: Name,
    count: usize,
    taken: AtomicUsize,
    logged: LogLimit,
}

impl Places {
    pub(crate) fn new(service: Name, count: usize) -> Self {
        Self {
            service,
            count,
            taken: AtomicUsize::new(0),
            logged: LogLimit::every(Duration::from_secs(10)),
        }
    }

    /// Takes a place for a job, until the returned guard is dropped.
    pub(crate) fn take(self: &Arc<Self>) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(self))
    }

    /// Returns true if these are the places of this service.
    pub(super) fn belong_to(&self, service: &str) -> bool {
        self.service == service
    }

    fn are_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.count
    }

    /// Describes why a call of the own service has no response.
    fn likely_cause(&self) -> String {
        let concurrency = self.count;
        format!(
            "a handler of the same service waits for it, and all places for jobs of this process are taken \
             (`server.concurrency` is {concurrency}): call the action with `Context::call_local`, or raise the setting"
        )
    }
}

/// A place that a job has taken.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The response to a call of the own service.
pub(super) struct OwnReply {
    reply: JobReply,
    places: Arc<Places>,
    has_ended: bool,
}

impl OwnReply {
    pub(super) fn new(reply: JobReply, places: Arc<Places>) -> Self {
        Self {
            reply,
            places,
            has_ended: false,
        }
    }
}

impl Future for OwnReply {
    type Output = Result<JobResponse, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let outcome = ready!(Pin::new(&mut this.reply).poll(cx));
        this.has_ended = true;
        Poll::Ready(outcome.map_err(|error| {
            if error.kind() == ErrorKind::Timeout && this.places.are_taken() {
                error.with_likely_cause(this.places.likely_cause())
            } else {
                error
            }
        }))
    }
}

impl Drop for OwnReply {
    fn drop(&mut self) {
        if !self.has_ended
            && self.places.are_taken()
            && let Some(kept_back) = self.places.logged.count()
        {
            let service = &self.places.service;
            let likely_cause = self.places.likely_cause();
            tracing::warn!(
                %service,
                likely_cause,
                kept_back,
                "a call of the own service was given up without a response"
            );
        }
    }
}
