//! A job of several actions of one service, with a typed result for each.

use std::fmt;
use std::marker::PhantomData;

use super::call::Call;
use super::form::Form;
use super::handle::Client;
use super::options::{CallOptions, option_methods};
use super::outcome::{Decode, Outcomes};
use super::route::Callee;
use super::sending::sending_methods;
use crate::BoxFuture;
use crate::codec::Value;
use crate::error::ClientError;
use crate::exchange::Sent;
use crate::message::{ActionRequest, Body, JobResponse, Name};

/// The actions of a job: a tuple of up to eight calls, or a vector of calls of one type.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::ClientError;
/// use soa::client::{Actions, JobCall};
///
/// async fn run<A: Actions>(job: JobCall<A>) -> Result<A::Output, ClientError> {
///     job.idempotent().await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the actions of a job",
    label = "not the calls of a job",
    note = "a job takes a tuple of up to eight calls, or a vector of calls of one type",
    note = "options belong to the whole job: `client.job((a, b)).timeout(…)`, not `a.timeout(…)`"
)]
pub trait Actions: Send + 'static {
    /// The responses, in order, if every action succeeded.
    type Output: Send + 'static;
    /// The outcome of each action by itself, in order.
    type Each: Send + 'static;
    /// The decoder of the job response.
    type Decoder: Send + 'static;

    /// Returns the service of the first call.
    #[doc(hidden)]
    fn service(&self) -> Name;

    /// Splits the calls into their parts.
    #[doc(hidden)]
    fn split(self) -> Split<Self::Decoder>;

    /// Returns the responses, or the error of the first action that failed.
    #[doc(hidden)]
    fn all(
        decoder: Self::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Output, ClientError>;

    /// Returns the outcome of each action.
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
    client: Option<Client>,
    callees: Vec<Callee>,
    requests: Vec<ActionRequest>,
    decoder: D,
}

/// The way in which the outcome of a job is returned.
pub trait Mode<A: Actions>: Send + 'static {
    /// The outcome of the job.
    type Output: Send + 'static;

    #[doc(hidden)]
    fn finish(
        decoder: A::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Output, ClientError>;
}

/// Returns all responses, or the first error.
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

/// Returns the outcome of each action by itself.
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

/// A job that is not sent yet.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::value;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = soa::Server::untyped("echo", "1.0.0")
/// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
/// #     .build()?;
/// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
/// let echo = |n: i32| client.call_action("echo", "echo", &value!({ "n": n }));
/// let (first, second) = client.job((echo(1), echo(2))).timeout(Duration::from_secs(5)).await?;
/// assert_eq!((first, second), (value!({ "n": 1 }), value!({ "n": 2 })));
/// # Ok(()) }
/// ```
#[must_use = "a job does nothing until it is awaited or sent"]
pub struct JobCall<A, M = All> {
    client: Client,
    actions: A,
    options: Box<CallOptions>,
    mode: PhantomData<fn() -> M>,
}

impl Client {
    /// Makes one job of several actions of one service: a tuple of calls, or a vector.
    ///
    /// The result is a tuple or a vector of responses, in order. The first action that fails ends the
    /// job and is the error; see [`JobCall::continue_on_error`] for the alternative.
    ///
    /// A tuple of calls has a tuple of responses:
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::value;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let body = client.call_action("echo", "echo", &value!({ "n": 1 }));
    /// let status = client.call_action("echo", "status", &());
    /// let (body, status) = client.job((body, status)).await?;
    /// assert_eq!(body, value!({ "n": 1 }));
    /// # Ok(()) }
    /// ```
    ///
    /// A call with options is not accepted: options are the job's. The context and the middleware are those of
    /// the client that made the first call, so that a chain is not lost.
    ///
    /// ```compile_fail
    /// # use soa_runtime as soa;
    /// # use std::time::Duration;
    /// # fn example(client: soa::Client, call: impl Fn() -> soa::Call<soa::Value>) {
    /// client.job((call(), call().timeout(Duration::from_secs(1))));
    /// # }
    /// ```
    pub fn job<A: Actions>(&self, actions: A) -> JobCall<A> {
        JobCall::new(self.clone(), actions)
    }

    /// Calls several actions of a service by name. The result is the whole job response: errors of the job and of its
    /// actions are data in it.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::value;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let actions = [("echo".into(), value!({ "n": 1 })), ("unknown".into(), value!({}))];
    /// let response = client.call_job("echo", actions).await?;
    /// assert!(response.actions[0].errors.is_empty());
    /// assert_eq!(response.actions[1].errors[0].code, "UNKNOWN");
    /// # Ok(()) }
    /// ```
    pub fn call_job(
        &self,
        service: impl Into<Name>,
        actions: impl IntoIterator<Item = (Name, Value)>,
    ) -> JobCall<Responses> {
        let route = self.route(service.into());
        let encoding = route.encoding();
        let requests = actions
            .into_iter()
            .map(|(action, body)| ActionRequest::new(action, Body::encode(encoding, &body)))
            .collect();
        let callee = route.into();
        JobCall::new(self.clone(), Responses { callee, requests })
            .with(|options| options.returns_errors = true)
    }
}

impl<A: Actions> JobCall<A> {
    fn new(client: Client, actions: A) -> Self {
        Self {
            client,
            actions,
            options: Box::default(),
            mode: PhantomData,
        }
    }

    /// Runs the later actions of the job even if an earlier one fails. The result is the outcome of [each](Self::each)
    /// action.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::value;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let call = |action| client.call_action("echo", action, &value!({ "n": 1 }));
    /// let outcomes = client.job(vec![call("unknown"), call("echo")]).continue_on_error().await?;
    /// assert!(outcomes[0].is_err() && outcomes[1].is_ok());
    /// # Ok(()) }
    /// ```
    pub fn continue_on_error(mut self) -> JobCall<A, Each> {
        self.options.continue_on_error = true;
        self.each()
    }

    /// Returns the outcome of each action by itself: a tuple or a vector of `Result`s. The first action that fails
    /// still ends the job; those after it fail with [`NotRun`](crate::ErrorKind::NotRun). An error of the whole job is
    /// one error.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::ErrorKind;
    /// use soa::value;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let call = |action| client.call_action("echo", action, &value!({ "n": 1 }));
    /// let (first, second) = client.job((call("unknown"), call("echo"))).each().await?;
    /// assert_eq!(first.unwrap_err().kind(), ErrorKind::Action);
    /// assert_eq!(second.unwrap_err().kind(), ErrorKind::NotRun);
    /// # Ok(()) }
    /// ```
    pub fn each(mut self) -> JobCall<A, Each> {
        self.options.returns_errors = true;
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

    pub(super) fn with(mut self, change: impl FnOnce(&mut CallOptions)) -> Self {
        change(&mut self.options);
        self
    }
}

impl<A: Actions, M: Mode<A>> JobCall<A, M> {
    sending_methods!(M::Output);
}

impl<A: Actions, M: Mode<A>> Form for JobCall<A, M> {
    type Output = M::Output;

    fn service(&self) -> Name {
        self.actions.service()
    }

    fn start(self, sent: Sent) -> BoxFuture<Result<M::Output, ClientError>> {
        start::<A, M>(&self.client, self.actions.split(), self.options, sent)
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        let split = self.actions.split();
        let client = split.client.as_ref().unwrap_or(&self.client);
        match split.callee() {
            Ok(callee) => client.forget(callee, split.requests, self.options),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl<A: Actions, M: Mode<A>> IntoFuture for JobCall<A, M> {
    type Output = Result<M::Output, ClientError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start(Sent::unwatched())
    }
}

impl<D> Split<D> {
    fn service(&self) -> Name {
        let callee = self.callees.first();
        callee
            .map(|callee| callee.service.clone())
            .unwrap_or_default()
    }

    /// Returns the one service that all actions go to.
    fn callee(&self) -> Result<Callee, ClientError> {
        let Some(first) = self.callees.first() else {
            let message = "a job needs at least one action";
            return Err(ClientError::usage(&self.service(), message));
        };
        let other = self
            .callees
            .iter()
            .find(|callee| callee.service != first.service);
        match other {
            None => {
                let mut callee = first.clone();
                let mut described = self.callees.iter().filter_map(|callee| callee.descriptor);
                callee.descriptor = described.next();
                Ok(callee)
            }
            Some(other) => Err(ClientError::usage(
                &first.service,
                format!(
                    "a job goes to one service, but this one has actions of `{}` too; use `parallel` \
                     for several services",
                    other.service
                ),
            )),
        }
    }
}

fn start<A: Actions, M: Mode<A>>(
    client: &Client,
    split: Split<A::Decoder>,
    options: Box<CallOptions>,
    sent: Sent,
) -> BoxFuture<Result<M::Output, ClientError>> {
    let service = split.service();
    let client = split.client.as_ref().unwrap_or(client);
    let dispatched = split
        .callee()
        .and_then(|callee| client.dispatch(callee, split.requests, Some(options), sent));
    match dispatched {
        Ok(dispatched) => Box::pin(async move {
            let response = dispatched.await?;
            M::finish(split.decoder, &service, response)
        }),
        Err(error) => Box::pin(std::future::ready(Err(error))),
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

    fn service(&self) -> Name {
        let first = self.first();
        first.map_or_else(Name::default, |call| call.callee.service.clone())
    }

    fn split(self) -> Split<Self::Decoder> {
        let mut split = Split {
            client: self.first().map(|call| call.client.clone()),
            callees: Vec::with_capacity(self.len()),
            requests: Vec::with_capacity(self.len()),
            decoder: Vec::with_capacity(self.len()),
        };
        for call in self {
            split.callees.push(call.callee);
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
        let mut outcomes = Outcomes::new(service, response)?;
        let decoder = decoder.into_iter();
        decoder.map(|decode| outcomes.next(decode)).collect()
    }

    fn each(
        decoder: Self::Decoder,
        service: &Name,
        response: JobResponse,
    ) -> Result<Self::Each, ClientError> {
        let mut outcomes = Outcomes::new(service, response)?;
        let decoder = decoder.into_iter();
        Ok(decoder.map(|decode| outcomes.next(decode)).collect())
    }
}

macro_rules! tuple_of_calls {
    ($($R:ident $call:ident),+) => {
        impl<$($R: Send + 'static),+> Actions for ($(Call<$R>,)+) {
            type Output = ($($R,)+);
            type Each = ($(Result<$R, ClientError>,)+);
            type Decoder = ($(Decode<$R>,)+);

            fn service(&self) -> Name {
                self.0.callee.service.clone()
            }

            fn split(self) -> Split<Self::Decoder> {
                let ($($call,)+) = self;
                Split {
                    client: [$(&$call.client),+].first().copied().cloned(),
                    callees: vec![$($call.callee),+],
                    requests: vec![$($call.request),+],
                    decoder: ($($call.decode,)+),
                }
            }

            fn all(
                decoder: Self::Decoder,
                service: &Name,
                response: JobResponse,
            ) -> Result<Self::Output, ClientError> {
                let mut outcomes = Outcomes::new(service, response)?;
                let ($($call,)+) = decoder;
                Ok(($(outcomes.next($call)?,)+))
            }

            fn each(
                decoder: Self::Decoder,
                service: &Name,
                response: JobResponse,
            ) -> Result<Self::Each, ClientError> {
                let mut outcomes = Outcomes::new(service, response)?;
                let ($($call,)+) = decoder;
                Ok(($(outcomes.next($call),)+))
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
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::{JobCall, Responses};
/// use soa::{Client, value};
///
/// fn status(client: &Client, service: &'static str) -> JobCall<Responses> {
///     client.call_job(service, [("status".into(), value!({}))])
/// }
/// ```
#[derive(Debug)]
pub struct Responses {
    callee: Callee,
    requests: Vec<ActionRequest>,
}

impl Actions for Responses {
    type Output = JobResponse;
    type Each = JobResponse;
    type Decoder = ();

    fn service(&self) -> Name {
        self.callee.service.clone()
    }

    fn split(self) -> Split<()> {
        Split {
            client: None,
            callees: vec![self.callee],
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
