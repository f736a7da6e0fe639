//! Many calls at once.

use std::fmt;
use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::form::Form;
use super::handle::Client;
use super::job::{All, Each};
use super::pending::Pending;
use super::sending;
use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::Sent;

/// Calls that can be made at once: a vector or an array of one kind of call, or a tuple of two to eight
/// different ones. See [`Client::parallel`](super::Client::parallel).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::Parallel;
/// use soa::{Client, ClientError};
///
/// async fn all<P: Parallel>(client: &Client, calls: P) -> Result<P::Output, ClientError> {
///     client.parallel(calls).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called in parallel",
    label = "not calls",
    note = "give a vector or an array of calls of one type, or a tuple of two to eight calls"
)]
pub trait Parallel: Sized + Send + 'static {
    /// The responses, in the order of the calls, if all succeeded.
    type Output: Send + 'static;
    /// The outcome of each call, in the order of the calls.
    type Each: Send + 'static;

    /// Starts all calls and waits for all of them.
    #[doc(hidden)]
    fn run(self) -> BoxFuture<Self::Each>;

    /// Sends all calls; the returned future collects the outcomes. A call that cannot be sent is the error of all, or
    /// with `each` its own outcome.
    #[doc(hidden)]
    fn send(self, each: bool) -> BoxFuture<Result<BoxFuture<Self::Each>, ClientError>>;

    /// Sends all calls, even if some cannot be sent.
    #[doc(hidden)]
    fn forget(self) -> BoxFuture<Result<(), ClientError>>;

    /// Returns all responses, or the first error.
    #[doc(hidden)]
    fn all(each: Self::Each) -> Result<Self::Output, ClientError>;
}

/// The way in which the outcomes of many calls are returned.
pub trait Gather<P: Parallel>: Send + 'static {
    /// The response of a call that was sent and is collected later.
    type Output: Send + 'static;
    /// The result of awaiting the calls.
    type Outcome: Send + 'static;

    #[doc(hidden)]
    const EACH: bool;

    #[doc(hidden)]
    fn outcome(each: P::Each) -> Self::Outcome;

    #[doc(hidden)]
    fn output(each: P::Each) -> Result<Self::Output, ClientError>;
}

impl<P: Parallel> Gather<P> for All {
    type Output = P::Output;
    type Outcome = Result<P::Output, ClientError>;

    const EACH: bool = false;

    fn outcome(each: P::Each) -> Self::Outcome {
        P::all(each)
    }

    fn output(each: P::Each) -> Result<P::Output, ClientError> {
        P::all(each)
    }
}

impl<P: Parallel> Gather<P> for Each {
    type Output = P::Each;
    type Outcome = P::Each;

    const EACH: bool = true;

    fn outcome(each: P::Each) -> P::Each {
        each
    }

    fn output(each: P::Each) -> Result<P::Each, ClientError> {
        Ok(each)
    }
}

/// Many calls that are not sent yet.
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
/// let calls = (1..=3).map(|n| client.call_action("echo", "echo", &value!({ "n": n })));
/// let bodies = client.parallel(calls.collect::<Vec<_>>()).await?;
/// assert_eq!(bodies[2], value!({ "n": 3 }));
/// # Ok(()) }
/// ```
#[must_use = "calls do nothing until they are awaited or sent"]
pub struct ParallelCall<P, M = All> {
    calls: P,
    mode: PhantomData<fn() -> M>,
}

impl Client {
    /// Sends many jobs at once, for one or many services; the results come in the order of the calls.
    ///
    /// Takes a vector or an array of calls of one kind, or a tuple of different ones. All of them are
    /// waited for; the error of the first that failed is the error of the whole. See [`ParallelCall::each`] for the
    /// outcome of each in its place. The options are those of each call.
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
    /// let (body, status) = client.parallel((body, status)).await?;
    /// assert_eq!(body, value!({ "n": 1 }));
    /// # Ok(()) }
    /// ```
    pub fn parallel<P: Parallel>(&self, calls: P) -> ParallelCall<P> {
        ParallelCall {
            calls,
            mode: PhantomData,
        }
    }
}

impl<P: Parallel> ParallelCall<P> {
    /// Returns the outcome of each call by itself, in place: a vector or a tuple of `Result`s, which contain the errors
    /// of actions, of jobs and of transports. The whole cannot fail then.
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
    /// let outcomes = client.parallel([call("unknown"), call("echo")]).each().await;
    /// assert!(outcomes[0].is_err() && outcomes[1].is_ok());
    /// # Ok(()) }
    /// ```
    pub fn each(self) -> ParallelCall<P, Each> {
        ParallelCall {
            calls: self.calls,
            mode: PhantomData,
        }
    }
}

impl<P: Parallel, M: Gather<P>> ParallelCall<P, M> {
    /// Sends all calls now; the responses are collected later, by awaiting the returned [`Pending`].
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
    /// let call = |n: i32| client.call_action("echo", "echo", &value!({ "n": n }));
    /// let pending = client.parallel([call(1), call(2)]).send().await?;
    /// // Other work.
    /// assert_eq!(pending.await?.len(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first call, in order, that could not be sent; the others may be on their way. After
    /// [`each`](ParallelCall::each), this is the outcome of that one call.
    pub async fn send(self) -> Result<Pending<M::Output>, ClientError> {
        let each = self.calls.send(M::EACH).await?;
        Ok(Pending::of(Box::pin(each.map(M::output))))
    }

    /// Sends all calls without asking for responses; see [`Call::send_and_forget`](super::Call::send_and_forget).
    ///
    /// # Errors
    /// The first call, in order, that could not be sent. The others are sent all the same.
    pub async fn send_and_forget(self) -> Result<(), ClientError> {
        self.calls.forget().await
    }
}

impl<P: Parallel, M: Gather<P>> IntoFuture for ParallelCall<P, M> {
    type Output = M::Outcome;
    type IntoFuture = BoxFuture<M::Outcome>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.calls.run().map(M::outcome))
    }
}

impl<P: fmt::Debug, M> fmt::Debug for ParallelCall<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ParallelCall").field(&self.calls).finish()
    }
}

/// Returns the error of a call that could not be sent, or with `each` puts it in place of the response.
fn sent<R: Send + 'static>(
    outcome: Result<Pending<R>, ClientError>,
    each: bool,
) -> Result<Pending<R>, ClientError> {
    outcome.or_else(|error| {
        if each {
            Ok(Pending::failed(error))
        } else {
            Err(error)
        }
    })
}

impl<C: Form> Parallel for Vec<C> {
    type Output = Vec<C::Output>;
    type Each = Vec<Result<C::Output, ClientError>>;

    fn run(self) -> BoxFuture<Self::Each> {
        let start = |call: C| call.start(Sent::unwatched());
        Box::pin(join_all(self.into_iter().map(start)))
    }

    fn send(self, each: bool) -> BoxFuture<Result<BoxFuture<Self::Each>, ClientError>> {
        let calls = join_all(self.into_iter().map(sending::send));
        Box::pin(async move {
            let calls = calls.await.into_iter().map(|call| sent(call, each));
            let calls: Vec<_> = calls.collect::<Result<_, _>>()?;
            let collected: BoxFuture<_> = Box::pin(join_all(calls));
            Ok(collected)
        })
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        let calls = join_all(self.into_iter().map(sending::forget));
        Box::pin(calls.map(|calls| calls.into_iter().collect()))
    }

    fn all(each: Self::Each) -> Result<Self::Output, ClientError> {
        each.into_iter().collect()
    }
}

impl<C: Form, const N: usize> Parallel for [C; N] {
    type Output = Vec<C::Output>;
    type Each = Vec<Result<C::Output, ClientError>>;

    fn run(self) -> BoxFuture<Self::Each> {
        Vec::from(self).run()
    }

    fn send(self, each: bool) -> BoxFuture<Result<BoxFuture<Self::Each>, ClientError>> {
        Vec::from(self).send(each)
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        Vec::from(self).forget()
    }

    fn all(each: Self::Each) -> Result<Self::Output, ClientError> {
        each.into_iter().collect()
    }
}

macro_rules! tuple_of_calls {
    ($($C:ident $call:ident),+) => {
        impl<$($C: Form),+> Parallel for ($($C,)+) {
            type Output = ($($C::Output,)+);
            type Each = ($(Result<$C::Output, ClientError>,)+);

            fn run(self) -> BoxFuture<Self::Each> {
                let ($($call,)+) = self;
                $(let $call = $call.start(Sent::unwatched());)+
                Box::pin(async move { tokio::join!($($call),+) })
            }

            fn send(self, each: bool) -> BoxFuture<Result<BoxFuture<Self::Each>, ClientError>> {
                let ($($call,)+) = self;
                Box::pin(async move {
                    let ($($call,)+) = tokio::join!($(sending::send($call)),+);
                    $(let $call = sent($call, each)?;)+
                    let collected: BoxFuture<_> = Box::pin(async move { tokio::join!($($call),+) });
                    Ok(collected)
                })
            }

            fn forget(self) -> BoxFuture<Result<(), ClientError>> {
                let ($($call,)+) = self;
                Box::pin(async move {
                    let ($($call,)+) = tokio::join!($(sending::forget($call)),+);
                    $($call?;)+
                    Ok(())
                })
            }

            fn all(each: Self::Each) -> Result<Self::Output, ClientError> {
                let ($($call,)+) = each;
                Ok(($($call?,)+))
            }
        }
    };
}

tuple_of_calls!(A a, B b);
tuple_of_calls!(A a, B b, C c);
tuple_of_calls!(A a, B b, C c, D d);
tuple_of_calls!(A a, B b, C c, D d, E e);
tuple_of_calls!(A a, B b, C c, D d, E e, F f);
tuple_of_calls!(A a, B b, C c, D d, E e, F f, G g);
tuple_of_calls!(A a, B b, C c, D d, E e, F f, G g, H h);
