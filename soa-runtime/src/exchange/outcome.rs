//! Questions about how a call ended.

use tokio::time::Instant;

use crate::message::JobResponse;

/// Whether there is nothing in the response but errors. One without anything is of a job that nobody waits for.
pub(crate) fn has_failed(response: &JobResponse) -> bool {
    let mut actions = response.actions.iter();
    let is_empty = response.errors.is_empty() && response.actions.is_empty();
    !is_empty && actions.all(|action| !action.errors.is_empty())
}

/// Whether this time has come. `None` is one that never does.
pub(crate) fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| end <= Instant::now())
}
