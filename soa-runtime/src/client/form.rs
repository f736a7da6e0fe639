//! The trait of all forms of a call: they can be started, sent, and forgotten.

use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::Sent;
use crate::message::Name;

/// A call in one of its forms, not started yet: what can be one of [many](super::Client::parallel), or among the
/// [outstanding](super::Outstanding). Calls, calls with options, jobs, expanded ones of these, and what was sent
/// already.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a call",
    label = "not a call",
    note = "a call is what a method of a typed client, `client.job(…)`, `client.call_action(…)` or `.send().await?` gives"
)]
pub trait Form: Sized + Send + 'static {
    /// What it gives when it succeeds.
    type Output: Send + 'static;

    /// The service that it goes to; empty where that is none or several.
    #[doc(hidden)]
    fn service(&self) -> Name;

    /// Makes the call. The transport says when it was sent.
    #[doc(hidden)]
    fn start(self, sent: Sent) -> BoxFuture<Result<Self::Output, ClientError>>;

    /// Sends it without asking for an answer.
    #[doc(hidden)]
    fn forget(self) -> BoxFuture<Result<(), ClientError>>;
}
