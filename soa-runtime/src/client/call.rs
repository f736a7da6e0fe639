//! The call of one action.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use serde::Serialize;

use super::form::Form;
use super::handle::Client;
use super::options::{CallOptions, option_methods};
use super::outcome::{Decode, Outcomes};
use super::route::Callee;
use super::sending::sending_methods;
use crate::BoxFuture;
use crate::codec::{DecodeError, Value};
use crate::error::ClientError;
use crate::exchange::Sent;
use crate::message::{ARGUMENTS, ActionRequest, Body, Name, RESULT};

/// A call of one action that is not sent yet. Await it, give it options, or put it into a job.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Call, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = soa::Server::untyped("echo", "1.0.0")
/// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
/// #     .build()?;
/// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
/// let call: Call<Value> = client.call_action("echo", "echo", &value!({ "n": 1 }));
/// assert_eq!(call.await?, value!({ "n": 1 }));
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is awaited, sent, or put into a job"]
pub struct Call<R> {
    pub(super) client: Client,
    pub(super) callee: Callee,
    pub(super) request: ActionRequest,
    pub(super) decode: Decode<R>,
}

/// A call of one action with options of its own.
///
/// This is another type than [`Call`] because options belong to a whole job: a call that has some cannot
/// be put into one.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::{Value, value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = soa::Server::untyped("echo", "1.0.0")
/// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
/// #     .build()?;
/// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
/// let body = client
///     .call_action("echo", "echo", &value!({ "n": 1 }))
///     .timeout(Duration::from_secs(2))
///     .switch(7)
///     .context("locale", "fr_FR")
///     .await?;
/// assert_eq!(body, value!({ "n": 1 }));
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is awaited or sent"]
pub struct CallWithOptions<R> {
    call: Call<R>,
    options: Box<CallOptions>,
}

impl Client {
    /// Calls one action of a service by name; the response is untyped.
    ///
    /// The body is anything that serializes to a map: a [`Value`], a struct, `()` for `{}`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use serde::Serialize;
    /// use soa::value;
    ///
    /// #[derive(Serialize)]
    /// struct Greeting {
    ///     text: &'static str,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let body = client.call_action("echo", "echo", &Greeting { text: "Hello" }).await?;
    /// assert_eq!(body, value!({ "text": "Hello" }));
    /// # Ok(()) }
    /// ```
    pub fn call_action<B: Serialize + ?Sized>(
        &self,
        service: impl Into<Name>,
        action: impl Into<Name>,
        body: &B,
    ) -> Call<Value> {
        let route = self.route(service.into());
        let body = Body::encode(route.encoding(), body);
        Call::new(
            self.clone(),
            route.into(),
            ActionRequest::new(action, body),
            Body::decode,
        )
    }

    /// Makes a call of an action with arguments by their positions, as services of Aspyx take them, and returns the bare
    /// result.
    ///
    /// Only the channels `dispatch-json` and `dispatch-msgpack` can carry it: any other transport fails before it sends. All
    /// other calls have their arguments by name, and typed clients know the positions.
    pub fn call_positional<A: Serialize>(
        &self,
        service: impl Into<Name>,
        action: impl Into<Name>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Call<Value> {
        let route = self.route(service.into());
        let arguments: Vec<A> = arguments.into_iter().collect();
        // A body is a map, and its key says what is in it.
        let body = HashMap::from([(ARGUMENTS, arguments)]);
        let request = ActionRequest::new(action, Body::encode(route.encoding(), &body));
        Call::new(
            self.clone(),
            route.into(),
            request.positional(),
            bare_result,
        )
    }
}

/// Takes the result of a call by positions out of the body that carries it.
fn bare_result(body: &Body) -> Result<Value, DecodeError> {
    match body.to_value()? {
        Value::Map(mut body) => Ok(body.remove(RESULT).unwrap_or_default()),
        other => Ok(other),
    }
}

impl<R> Call<R> {
    pub(super) fn new(
        client: Client,
        callee: Callee,
        request: ActionRequest,
        decode: Decode<R>,
    ) -> Self {
        Self {
            client,
            callee,
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
        let route = Arc::clone(&self.callee.route);
        let dispatched = self
            .client
            .dispatch(self.callee, vec![self.request], options, sent);
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
        self.callee.service.clone()
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
        self.call.callee.service.clone()
    }

    fn start(self, sent: Sent) -> BoxFuture<Result<R, ClientError>> {
        self.call.start_with(Some(self.options), sent)
    }

    fn forget(self) -> BoxFuture<Result<(), ClientError>> {
        let Call {
            client,
            callee,
            request,
            ..
        } = self.call;
        client.forget(callee, vec![request], self.options)
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

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.callee.service)
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
