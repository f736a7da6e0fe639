//! A call of one action.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;

use super::options::option_methods;
use super::{CallOptions, Client, Pending, Route, Sent};
use crate::BoxFuture;
use crate::codec::DecodeError;
use crate::error::ClientError;
use crate::message::{ActionRequest, ActionResponse, Body, JobResponse, Name};

/// Turns a body into a response.
pub(super) type Decode<R> = fn(&Body) -> Result<R, DecodeError>;

/// A call of one action, not sent yet: await it, give it options, or put it into a job.
#[must_use = "a call does nothing until it is awaited, sent, or put into a job"]
pub struct Call<R> {
    pub(super) client: Client,
    pub(super) route: Arc<Route>,
    pub(super) request: ActionRequest,
    pub(super) decode: Decode<R>,
}

/// A call of one action with options of its own.
///
/// This is another type than [`Call`] because options belong to a whole job: a call that has some cannot
/// be put into one.
#[must_use = "a call does nothing until it is awaited or sent"]
pub struct CallWithOptions<R> {
    call: Call<R>,
    options: Box<CallOptions>,
}

impl<R> Call<R> {
    pub(crate) fn new(
        client: Client,
        route: Arc<Route>,
        request: ActionRequest,
        decode: Decode<R>,
    ) -> Self {
        Self {
            client,
            route,
            request,
            decode,
        }
    }

    option_methods!(CallWithOptions<R>);

    pub(super) fn with(self, change: impl FnOnce(&mut CallOptions)) -> CallWithOptions<R> {
        let mut options = Box::<CallOptions>::default();
        change(&mut options);
        CallWithOptions {
            call: self,
            options,
        }
    }
}

impl<R> CallWithOptions<R> {
    option_methods!(Self);

    pub(super) fn with(mut self, change: impl FnOnce(&mut CallOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(super) fn service(&self) -> &Name {
        &self.call.route.service
    }
}

impl<R: Send + 'static> Call<R> {
    /// Sends the call now; the response is collected by awaiting what this gives back.
    ///
    /// # Errors
    /// A request that could not be sent.
    pub async fn send(self) -> Result<Pending<R>, ClientError> {
        let service = self.route.service.clone();
        Pending::start(service, |sent| self.start(None, sent)).await
    }

    fn start(
        self,
        options: Option<Box<CallOptions>>,
        sent: Sent,
    ) -> BoxFuture<Result<R, ClientError>> {
        let route = Arc::clone(&self.route);
        let dispatched = self
            .client
            .dispatch(self.route, vec![self.request], options, sent);
        match dispatched {
            Ok(dispatched) => Box::pin(dispatched.map(move |response| {
                let mut actions = successful_job(&route.service, response?)?.into_iter();
                decode_next(&route.service, self.decode, &mut actions)
            })),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl<R: Send + 'static> CallWithOptions<R> {
    /// Sends the call now; the response is collected by awaiting what this gives back.
    ///
    /// # Errors
    /// A request that could not be sent.
    pub async fn send(self) -> Result<Pending<R>, ClientError> {
        let service = self.call.route.service.clone();
        Pending::start(service, |sent| self.call.start(Some(self.options), sent)).await
    }
}

impl<R: Send + 'static> IntoFuture for Call<R> {
    type Output = Result<R, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start(None, Sent::unwatched())
    }
}

impl<R: Send + 'static> IntoFuture for CallWithOptions<R> {
    type Output = Result<R, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.call.start(Some(self.options), Sent::unwatched())
    }
}

/// The actions of a job that did not fail as a whole.
pub(super) fn successful_job(
    service: &Name,
    response: JobResponse,
) -> Result<Vec<ActionResponse>, ClientError> {
    if response.errors.is_empty() {
        Ok(response.actions)
    } else {
        Err(ClientError::job(service, response.errors))
    }
}

/// Decodes the next action's response, or tells why there is none.
pub(super) fn decode_next<R>(
    service: &Name,
    decode: Decode<R>,
    responses: &mut impl Iterator<Item = ActionResponse>,
) -> Result<R, ClientError> {
    let Some(response) = responses.next() else {
        let message = "the response has fewer actions than the request";
        return Err(ClientError::protocol(service, message));
    };
    if !response.errors.is_empty() {
        let (action, errors) = (response.action, response.errors);
        return Err(ClientError::action(service, action, errors));
    }
    decode(&response.body).map_err(|error| ClientError::decode(service, response.action, error))
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.route.service)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for CallWithOptions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallWithOptions")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}
