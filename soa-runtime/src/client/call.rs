//! A call of one action.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;

use super::form::{Form, sending_methods};
use super::options::option_methods;
use super::{CallOptions, Client, Route, Sent};
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
}

impl<R: Send + 'static> Call<R> {
    sending_methods!(R);

    fn start_with(
        self,
        options: Option<Box<CallOptions>>,
        sent: Sent,
    ) -> BoxFuture<Result<R, ClientError>> {
        let route = Arc::clone(&self.route);
        let dispatched = self
            .client
            .dispatch(self.route, vec![self.request], options, sent);
        match dispatched {
            Ok(dispatched) => {
                Box::pin(dispatched.map(move |response| {
                    Outcomes::new(&route.service, response?)?.next(self.decode)
                }))
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl<R: Send + 'static> CallWithOptions<R> {
    sending_methods!(R);
}

impl<R: Send + 'static> Form for Call<R> {
    type Output = R;

    fn service(&self) -> Name {
        self.route.service.clone()
    }

    fn start(self, sent: Sent) -> BoxFuture<Result<R, ClientError>> {
        self.start_with(None, sent)
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        self.with(|_| {}).forget()
    }
}

impl<R: Send + 'static> Form for CallWithOptions<R> {
    type Output = R;

    fn service(&self) -> Name {
        self.call.route.service.clone()
    }

    fn start(self, sent: Sent) -> BoxFuture<Result<R, ClientError>> {
        self.call.start_with(Some(self.options), sent)
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        let Call {
            client,
            route,
            request,
            ..
        } = self.call;
        client.forget(route, vec![request], self.options)
    }
}

impl<R: Send + 'static> IntoFuture for Call<R> {
    type Output = Result<R, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start(Sent::unwatched())
    }
}

impl<R: Send + 'static> IntoFuture for CallWithOptions<R> {
    type Output = Result<R, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start(Sent::unwatched())
    }
}

/// The outcomes of a job's actions, one after another.
pub(super) struct Outcomes<'a> {
    service: &'a Name,
    responses: std::vec::IntoIter<ActionResponse>,
    /// The action that failed last: behind it there may be none.
    failed: Option<Name>,
}

impl<'a> Outcomes<'a> {
    /// Those of a job that did not fail as a whole.
    pub(super) fn new(service: &'a Name, response: JobResponse) -> Result<Self, ClientError> {
        if !response.errors.is_empty() {
            return Err(ClientError::job(service, response.errors));
        }
        Ok(Self {
            service,
            responses: response.actions.into_iter(),
            failed: None,
        })
    }

    /// Decodes the next action's response, or tells why there is none.
    pub(super) fn next<R>(&mut self, decode: Decode<R>) -> Result<R, ClientError> {
        let service = self.service;
        let Some(response) = self.responses.next() else {
            return Err(match &self.failed {
                Some(failed) => ClientError::not_run(service, failed.clone()),
                None => {
                    let message = "the response has fewer actions than the request";
                    ClientError::protocol(service, message)
                }
            });
        };
        if !response.errors.is_empty() {
            let (action, errors) = (response.action, response.errors);
            self.failed = Some(action.clone());
            return Err(ClientError::action(service, action, errors));
        }
        decode(&response.body).map_err(|error| ClientError::decode(service, response.action, error))
    }
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
