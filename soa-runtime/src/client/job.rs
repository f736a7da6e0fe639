//! Several actions of one service as one job, with a typed result for each.

use std::fmt;
use std::marker::PhantomData;

use super::call::{Call, Decode, decode_next, successful_job};
use super::options::option_methods;
use super::{CallOptions, Client, Pending, Sent};
use crate::BoxFuture;
use crate::error::ClientError;
use crate::message::{ActionRequest, JobResponse, Name};

/// What can be the actions of a job: a tuple of up to eight calls, or a vector of calls of one type.
pub trait Actions: Send + 'static {
    /// The responses, in order, when every action succeeded.
    type Output: Send + 'static;
    /// The outcome of each action, in order, when the job goes on after errors.
    type Each: Send + 'static;
    /// What turns the job response into one of these.
    type Decoder: Send + 'static;

    /// Takes the calls apart.
    #[doc(hidden)]
    fn split(self) -> Split<Self::Decoder>;

    /// The responses, or the error of the first action that failed.
    #[doc(hidden)]
    fn all(
        decoder: Self::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Output, ClientError>;

    /// The outcome of each action.
    #[doc(hidden)]
    fn each(
        decoder: Self::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Each, ClientError>;
}

/// The parts of the calls of a job.
#[doc(hidden)]
#[derive(Debug)]
pub struct Split<D> {
    services: Vec<Name>,
    requests: Vec<ActionRequest>,
    decoder: D,
}

/// How the outcome of a job is given back.
pub trait Mode<A: Actions>: Send + 'static {
    /// What the job gives.
    type Output: Send + 'static;

    #[doc(hidden)]
    fn finish(
        decoder: A::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Output, ClientError>;
}

/// All responses, or the first error.
#[derive(Clone, Copy, Debug)]
pub enum All {}

impl<A: Actions> Mode<A> for All {
    type Output = A::Output;

    fn finish(
        decoder: A::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<A::Output, ClientError> {
        A::all(decoder, service, response)
    }
}

/// The outcome of each action by itself.
#[derive(Clone, Copy, Debug)]
pub enum Each {}

impl<A: Actions> Mode<A> for Each {
    type Output = A::Each;

    fn finish(
        decoder: A::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<A::Each, ClientError> {
        A::each(decoder, service, response)
    }
}

/// A job, not sent yet.
#[must_use = "a job does nothing until it is awaited or sent"]
pub struct JobCall<A, M = All> {
    client: Client,
    actions: A,
    options: Box<CallOptions>,
    mode: PhantomData<fn() -> M>,
}

impl<A: Actions> JobCall<A> {
    pub(super) fn new(client: Client, actions: A) -> Self {
        Self {
            client,
            actions,
            options: Box::default(),
            mode: PhantomData,
        }
    }

    /// Runs the later actions of the job also after one that failed. The result has the outcome of each
    /// action: a tuple or a vector of `Result`s.
    pub fn continue_on_error(mut self) -> JobCall<A, Each> {
        self.options.continue_on_error = true;
        JobCall {
            client: self.client,
            actions: self.actions,
            options: self.options,
            mode: PhantomData,
        }
    }
}

impl<A, M> JobCall<A, M> {
    option_methods!(Self);

    fn with(mut self, change: impl FnOnce(&mut CallOptions)) -> Self {
        change(&mut self.options);
        self
    }
}

impl<A: Actions, M: Mode<A>> JobCall<A, M> {
    /// Sends the job now; the responses are collected by awaiting what this gives back.
    ///
    /// # Errors
    /// A job that could not be sent.
    pub async fn send(self) -> Result<Pending<M::Output>, ClientError> {
        let (service, run) = self.prepare();
        Pending::start(service, run).await
    }

    fn prepare(
        self,
    ) -> (
        Name,
        impl FnOnce(Sent) -> BoxFuture<Result<M::Output, ClientError>>,
    ) {
        let split = self.actions.split();
        let service = split.services.first().cloned().unwrap_or_default();
        let called = service.clone();
        let run = move |sent| -> BoxFuture<Result<M::Output, ClientError>> {
            Box::pin(async move {
                if let Some(other) = split.services.iter().find(|name| **name != service) {
                    let message = format!(
                        "a job goes to one service, but this one has actions of `{other}` too; \
                         use `parallel` for several services"
                    );
                    return Err(ClientError::usage(&service, message));
                }
                let options = Some(self.options);
                let response = self
                    .client
                    .execute(service.clone(), split.requests, options, sent)
                    .await?;
                M::finish(split.decoder, &service, response)
            })
        };
        (called, run)
    }
}

impl<A: Actions, M: Mode<A>> IntoFuture for JobCall<A, M> {
    type Output = Result<M::Output, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.prepare().1(Sent::unwatched())
    }
}

impl<A: fmt::Debug, M> fmt::Debug for JobCall<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobCall")
            .field("actions", &self.actions)
            .finish_non_exhaustive()
    }
}

impl<R: Send + 'static> Actions for Vec<Call<R>> {
    type Output = Vec<R>;
    type Each = Vec<Result<R, ClientError>>;
    type Decoder = Vec<Decode<R>>;

    fn split(self) -> Split<Self::Decoder> {
        let mut split = Split {
            services: Vec::with_capacity(self.len()),
            requests: Vec::with_capacity(self.len()),
            decoder: Vec::with_capacity(self.len()),
        };
        for call in self {
            split.services.push(call.service);
            split.requests.push(call.request);
            split.decoder.push(call.decode);
        }
        split
    }

    fn all(
        decoder: Self::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Output, ClientError> {
        let mut responses = successful_job(service, response)?.into_iter();
        decoder
            .into_iter()
            .map(|decode| decode_next(service, decode, &mut responses))
            .collect()
    }

    fn each(
        decoder: Self::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Each, ClientError> {
        let mut responses = successful_job(service, response)?.into_iter();
        Ok(decoder
            .into_iter()
            .map(|decode| decode_next(service, decode, &mut responses))
            .collect())
    }
}

macro_rules! tuple_of_calls {
    ($($R:ident $call:ident),+) => {
        impl<$($R: Send + 'static),+> Actions for ($(Call<$R>,)+) {
            type Output = ($($R,)+);
            type Each = ($(Result<$R, ClientError>,)+);
            type Decoder = ($(Decode<$R>,)+);

            fn split(self) -> Split<Self::Decoder> {
                let ($($call,)+) = self;
                Split {
                    services: vec![$($call.service),+],
                    requests: vec![$($call.request),+],
                    decoder: ($($call.decode,)+),
                }
            }

            fn all(
                decoder: Self::Decoder,
                service: &Name,
                response: JobResponse,
            ) -> Result<Self::Output, ClientError> {
                let mut responses = successful_job(service, response)?.into_iter();
                let ($($call,)+) = decoder;
                Ok(($(decode_next(service, $call, &mut responses)?,)+))
            }

            fn each(
                decoder: Self::Decoder,
                service: &Name,
                response: JobResponse,
            ) -> Result<Self::Each, ClientError> {
                let mut responses = successful_job(service, response)?.into_iter();
                let ($($call,)+) = decoder;
                Ok(($(decode_next(service, $call, &mut responses),)+))
            }
        }
    };
}

tuple_of_calls!(A a);
tuple_of_calls!(A a, B b);
tuple_of_calls!(A a, B b, C c);
tuple_of_calls!(A a, B b, C c, D d);
tuple_of_calls!(A a, B b, C c, D d, E e);
tuple_of_calls!(A a, B b, C c, D d, E e, F f);
tuple_of_calls!(A a, B b, C c, D d, E e, F f, G g);
tuple_of_calls!(A a, B b, C c, D d, E e, F f, G g, H h);

/// Untyped actions, whose result is the whole job response. See [`Client::call_job`].
#[derive(Debug)]
pub struct Responses {
    service: Name,
    requests: Vec<ActionRequest>,
}

impl Responses {
    pub(super) fn new(service: Name, requests: Vec<ActionRequest>) -> Self {
        Self { service, requests }
    }
}

impl Actions for Responses {
    type Output = JobResponse;
    type Each = JobResponse;
    type Decoder = ();

    fn split(self) -> Split<()> {
        Split {
            services: vec![self.service],
            requests: self.requests,
            decoder: (),
        }
    }

    fn all((): (), _: &Name, response: JobResponse) -> Result<JobResponse, ClientError> {
        Ok(response)
    }

    fn each((): (), _: &Name, response: JobResponse) -> Result<JobResponse, ClientError> {
        Ok(response)
    }
}
