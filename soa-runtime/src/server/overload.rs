//! Jobs that are not started: their requests are too old (see [`age`](super::age)), or their callers take no responses.
//!
//! They are counted, and answered with an error that says so.

use std::time::Duration;

use super::age::Verdict;
use super::handle::{Server, ServerShared};
use crate::message::{JobRequest, JobResponse, WireError, code};
use crate::transport::{Backlog, ServerTransport};
use crate::wire::Head;

impl Server {
    /// Returns the response to a request that is not started, as nobody would be left to take its response.
    pub(super) fn refuse_old(
        &self,
        job: &JobRequest,
        age: Duration,
        backlog: Backlog,
    ) -> Option<JobResponse> {
        if job.control.suppress_response == Some(true) {
            return None;
        }
        let shared = &self.shared;
        let stated = job.control.timeout();
        if stated.is_some() && !shared.honors_caller_timeouts {
            return None;
        }
        let verdict = Verdict::on(age, backlog, stated, || usual_time(shared, job));
        let (running, concurrency) = (shared.meters.running(), shared.concurrency);
        let is_refused = match verdict {
            Verdict::Fine => false,
            Verdict::Old => shared.search.goes_on(running, concurrency),
            Verdict::TooOld => true,
        };
        if !is_refused {
            shared.search.started(running, concurrency);
            return None;
        }
        let shown = age.as_secs_f64();
        if let Some(kept_back) = shared.stats.may_log_refused() {
            tracing::warn!(
                service = self.name(),
                ?age,
                standing = ?backlog.standing,
                refused = kept_back + 1,
                "overloaded: the queue is older than callers wait for, so requests are refused that could not be answered \
                 in time; more processes or a larger `concurrency` serve more"
            );
        }
        let message = format!(
            "The service is overloaded: the request waited in the queue for {shown:.1} s, and was not started"
        );
        Some(self.refused("overloaded", message))
    }

    /// Returns the response to a request that is not started, as its caller takes no responses at present. It waits until the
    /// caller does.
    pub(super) fn refuse_undeliverable<T: ServerTransport>(
        &self,
        head: &Head,
        transport: Option<&T>,
    ) -> Option<JobResponse> {
        let (transport, reply_to) = transport.zip(head.reply_to())?;
        if transport.takes_responses(reply_to) {
            return None;
        }
        if let Some(kept_back) = self.shared.stats.may_log_undeliverable() {
            tracing::warn!(
                service = self.name(),
                reply_to,
                refused = kept_back + 1,
                "queue full: the caller does not read its reply list, so its requests are refused"
            );
        }
        let message = "The reply list of the caller was full, so the request was not started";
        Some(self.refused("reply_list_full", message.to_owned()))
    }

    /// Counts a job that is not started, and returns its response.
    pub(super) fn refused(&self, reason: &'static str, message: String) -> JobResponse {
        self.shared.stats.count_refused();
        self.shared.meters.refused(reason);
        JobResponse::failed(vec![WireError::server(code::OVERLOADED, message)])
    }
}

/// The usual time of all actions of a job.
fn usual_time(shared: &ServerShared, job: &JobRequest) -> Duration {
    let known = job.actions.iter().filter_map(|request| {
        let registered = shared.actions.get(&request.action)?;
        Some(registered.usual.get())
    });
    known.fold(Duration::ZERO, Duration::saturating_add)
}
