//! Calls whose typed responses are expanded.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::ask::Asker;
use super::{Expand, typed};
use crate::BoxFuture;
use crate::client::form::{Form, sending_methods};
use crate::client::{Actions, Call, CallWithOptions, Client, JobCall, Mode, Sent};
use crate::error::ClientError;
use crate::message::{ContextHeader, Name};

/// Where a call that is made leaves what its expansions need: its context, and when it has to be done.
pub(in crate::client) type AskerSlot = Arc<OnceLock<Asker>>;

/// A call or a job whose responses are expanded, not sent yet. Its options come before: `call.timeout(…).expand()`.
#[must_use = "a call does nothing until it is awaited"]
pub struct Expanded<C> {
    call: C,
    asker: AskerSlot,
}

impl<R: Expand> Call<R> {
    /// Fills the fields of the response that take objects of other services, see [`Expand`].
    pub fn expand(self) -> Expanded<CallWithOptions<R>> {
        self.with(|_| {}).expand()
    }
}

impl<R: Expand> CallWithOptions<R> {
    /// Fills the fields of the response that take objects of other services, see [`Expand`]. The timeout, where there is
    /// one, is for all of it.
    pub fn expand(self) -> Expanded<Self> {
        let asker = AskerSlot::default();
        Expanded {
            call: self.with(|options| options.asker = Some(Arc::clone(&asker))),
            asker,
        }
    }
}

impl<A: Actions, M: Mode<A>> JobCall<A, M>
where
    M::Output: Expand,
{
    /// Fills the fields of all responses that take objects of other services, see [`Expand`]: for the whole job together.
    /// The timeout, where there is one, is for all of it.
    pub fn expand(self) -> Expanded<Self> {
        let asker = AskerSlot::default();
        Expanded {
            call: self.with(|options| options.asker = Some(Arc::clone(&asker))),
            asker,
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
        let Self { call, asker } = self;
        let service = call.service();
        let call = call.start(sent);
        Box::pin(async move {
            let mut response = call.await?;
            // There is a response, so the call was made and has left it.
            if let Some(asker) = asker.get() {
                typed::expand(asker, &service, &mut response).await?;
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
    /// Fills the fields of a value that take objects of other services, see [`Expand`]: of the responses of parallel calls,
    /// for example, all together. The calls are in this client's own context.
    ///
    /// # Errors
    /// A call could not be made; a service has answered with errors that are to be told.
    pub async fn expand<T: Expand + Send + ?Sized>(
        &self,
        value: &mut T,
    ) -> Result<(), ClientError> {
        let mut context = self.base_context().clone();
        if context.correlation_id.is_empty() {
            context.correlation_id = ContextHeader::fresh_correlation_id();
        }
        let asker = Asker::new(self, context, None, Vec::new());
        typed::expand(&asker, &Name::default(), value).await
    }
}

impl<C: fmt::Debug> fmt::Debug for Expanded<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expanded").field(&self.call).finish()
    }
}
