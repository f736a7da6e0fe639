//! What all forms of a call have in common: they can be started, sent, and forgotten.

use super::pending::runtime;
use super::{Pending, Sent};
use crate::BoxFuture;
use crate::error::ClientError;
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

/// Sends a call; the rest of it goes on by itself.
pub(super) async fn send<F: Form>(call: F) -> Result<Pending<F::Output>, ClientError> {
    Pending::start(call.service(), |sent| call.start(sent)).await
}

/// Sends a call that nobody waits for.
pub(super) async fn forget<F: Form>(call: F) -> Result<(), ClientError> {
    // In the same process the job becomes a task.
    runtime(&call.service())?;
    call.forget().await
}

/// The methods that send a form of call.
macro_rules! sending_methods {
    ($Output:ty) => {
        /// Sends it now; the response is collected later, by awaiting what this gives back.
        ///
        /// It returns when the request is on its way: with Redis, when it is in the queue.
        ///
        /// # Errors
        /// A request that could not be sent, and all that is told before sending.
        pub async fn send(self) -> Result<crate::client::Pending<$Output>, ClientError> {
            crate::client::form::send(self).await
        }

        /// Sends it and asks for no answer (`control.suppress_response`). The service does its work; nobody is told
        /// how that went.
        ///
        /// It returns when the request is on its way: with Redis, when it is in the queue. A `timeout` is how
        /// long sending may take, and how long the request may wait in the queue; the work may take longer.
        /// In a chain, the end of the calling job limits the sending and nothing else.
        ///
        /// # Errors
        /// A request that could not be sent, and all that is told before sending.
        pub async fn send_and_forget(self) -> Result<(), ClientError> {
            crate::client::form::forget(self).await
        }
    };
}

pub(super) use sending_methods;
