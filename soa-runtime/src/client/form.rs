//! The trait of all forms of a call: they can be started, sent, and forgotten.

use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::Sent;
use crate::message::Name;

/// A call in one of its forms, not started yet. It can be one of [many](super::Client::parallel), or one of the
/// [outstanding](super::Outstanding) ones. The forms are calls, calls with options, jobs, expanded calls and jobs, and
/// calls that were sent already.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::ClientError;
/// use soa::client::{Form, Outstanding};
///
/// /// Sends a call of any form, and notes its id.
/// async fn send<F: Form>(all: &mut Outstanding<F::Output>, call: F) -> Result<(), ClientError> {
///     let id = all.send(call).await?;
///     println!("request {id} is on its way");
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a call",
    label = "not a call",
    note = "a call is what a method of a typed client, `client.job(…)`, `client.call_action(…)` or `.send().await?` gives"
)]
pub trait Form: Sized + Send + 'static {
    /// The response.
    type Output: Send + 'static;

    /// Returns the called service; empty for none or several.
    #[doc(hidden)]
    fn service(&self) -> Name;

    /// Makes the call. The transport marks it as sent.
    #[doc(hidden)]
    fn start(self, sent: Sent) -> BoxFuture<Result<Self::Output, ClientError>>;

    /// Sends the call without asking for a response.
    #[doc(hidden)]
    fn forget(self) -> BoxFuture<Result<(), ClientError>>;
}
