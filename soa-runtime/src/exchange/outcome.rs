//! The end of a call: failed, or too late.

use tokio::time::Instant;

use crate::message::JobResponse;

/// Returns true if the response consists of errors alone. An empty response, of a job without a response, has not
/// failed.
pub(crate) fn has_failed(response: &JobResponse) -> bool {
    let mut actions = response.actions.iter();
    let is_empty = response.errors.is_empty() && response.actions.is_empty();
    !is_empty && actions.all(|action| !action.errors.is_empty())
}

/// Returns true if this time has passed. `None` never passes.
pub(crate) fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| end <= Instant::now())
}
