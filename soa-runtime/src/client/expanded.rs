//! Calls whose typed responses are expanded.

use std::fmt;
use std::sync::Arc;

use super::call::{Call, CallWithOptions};
use super::fetch::{self, Expand};
use super::form::Form;
use super::handle::Client;
use super::job::{Actions, JobCall, Mode};
use super::scope::{ExpansionScope, ScopeSlot};
use super::sending::sending_methods;
use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::Sent;
use crate::message::{ContextHeader, Name};

/// A call or a job whose responses are expanded, not sent yet. Options are set before: `call.timeout(…).expand()`.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::Expand;
///
/// # async fn example<Book: Expand + Send + 'static>(call: soa::Call<Book>) -> Result<(), soa::ClientError> {
/// // `#[derive(Expand)] struct Book` names the action that finds the author.
/// let book = call.timeout(std::time::Duration::from_secs(2)).expand().await?;
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct Expanded<C> {
    call: C,
    slot: ScopeSlot,
}

impl<R: Expand> Call<R> {
    /// Fills the fields of the response that take objects of other services; see [`Expand`].
    pub fn expand(self) -> Expanded<CallWithOptions<R>> {
        self.with(|_| {}).expand()
    }
}

impl<R: Expand> CallWithOptions<R> {
    /// Fills the fields of the response that take objects of other services; see [`Expand`]. A timeout of the call
    /// covers the expansion, too.
    pub fn expand(self) -> Expanded<Self> {
        let slot = ScopeSlot::default();
        Expanded {
            call: self.with(|options| options.scope_slot = Some(Arc::clone(&slot))),
            slot,
        }
    }
}

impl<A: Actions, M: Mode<A>> JobCall<A, M>
where
    M::Output: Expand,
{
    /// Fills the fields of all responses of the job that take objects of other services; see [`Expand`]. A timeout of
    /// the job covers the expansion, too.
    pub fn expand(self) -> Expanded<Self> {
        let slot = ScopeSlot::default();
        Expanded {
            call: self.with(|options| options.scope_slot = Some(Arc::clone(&slot))),
            slot,
        }
    }
}

impl<C: Form> Expanded<C>
where
    C::Output: Expand,
{
    sending_methods!(C::Output);
}

impl<C: Form> Form for Expanded<C>
where
    C::Output: Expand,
{
    type Output = C::Output;

    fn service(&self) -> Name {
        self.call.service()
    }

    fn start(self, sent: Sent) -> BoxFuture<Result<C::Output, ClientError>> {
        let Self { call, slot } = self;
        let service = call.service();
        let call = call.start(sent);
        Box::pin(async move {
            let mut response = call.await?;
            // There is a response, so the call was dispatched and has left its scope.
            if let Some(scope) = slot.get() {
                fetch::expand(scope, &service, &mut response).await?;
            }
            Ok(response)
        })
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        self.call.forget()
    }
}

impl<C: Form> IntoFuture for Expanded<C>
where
    C::Output: Expand,
{
    type Output = Result<C::Output, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start(Sent::unwatched())
    }
}

impl Client {
    /// Fills the fields of a value that take objects of other services; see [`Expand`]. The value may be the responses
    /// of parallel calls, for example. The requests are sent in this client's own context.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::client::Expand;
    /// use soa::{Call, Client, ClientError};
    ///
    /// # async fn example<Book: Expand + Send + 'static>(client: Client, calls: Vec<Call<Book>>) -> Result<(), ClientError> {
    /// let mut books = client.parallel(calls).await?;
    /// // One request for the authors of all books.
    /// client.expand(&mut books).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A request could not be sent, or a service answered with errors and the expansion is set to raise them.
    pub async fn expand<T: Expand + Send + ?Sized>(
        &self,
        value: &mut T,
    ) -> Result<(), ClientError> {
        let mut context = self.base_context().clone();
        if context.correlation_id.is_empty() {
            context.correlation_id = ContextHeader::fresh_correlation_id();
        }
        let scope = ExpansionScope::new(self, context, None, Vec::new());
        fetch::expand(&scope, &Name::default(), value).await
    }
}

impl<C: fmt::Debug> fmt::Debug for Expanded<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expanded").field(&self.call).finish()
    }
}
