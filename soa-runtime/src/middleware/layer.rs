//! Any tower [`Layer`] as middleware.
//!
//! ```text
//! request ─▶ FromLayer ─▶ the layered service ─▶ Inner ─▶ the rest of the stack
//!                         one, for all requests
//! ```
//!
//! A layer wraps one service, once. So the layered service is made together with the middleware, and shared by all
//! requests: a concurrency limit for each call would limit nothing. The rest of the stack, which differs by request,
//! travels with the request as [`Passing`].
//!
//! The service is behind a lock that is held until the service is ready and called, and not while it works. So it need
//! not be `Clone`, it is called only after this very instance was ready, and callers are served in the order in which
//! they arrive. A caller that gives up while it waits leaves the service as it is.
//!
//! Errors of the layer itself become errors of the stage: see [`FromLayer::map_error`].

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Mutex;
use tower_layer::Layer;
use tower_service::Service;

use crate::BoxFuture;
use crate::context::{ActionCall, ActionStage};
use crate::error::{ActionError, ClientError, JobError};
use crate::exchange::{ClientRequest, ClientStage, JobStage};
use crate::message::{JobRequest, Name, code};
use crate::stack::{Middleware, Next, Stage, StageResult};

/// An error of any type, as tower's layers return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Makes middleware of a tower layer; it fits every stage whose service the layer can wrap.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::middleware::{ActionStage, from_layer};
/// # mod tower_layer_of_your_choice {
/// #     pub use tower_layer::Identity as Unchanged;
/// # }
/// use tower_layer_of_your_choice::Unchanged;
///
/// let server = Server::untyped("tools", "1.0.0")
///     .action_middleware(from_layer::<ActionStage, _>(Unchanged::new()))
///     .build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
pub fn from_layer<S, L>(layer: L) -> FromLayer<S, L::Service>
where
    S: LayeredStage,
    L: Layer<Inner<S>>,
    L::Service: Service<Passing<S>, Response = S::Response> + Send + 'static,
    <L::Service as Service<Passing<S>>>::Error: Into<BoxError>,
    <L::Service as Service<Passing<S>>>::Future: Send,
{
    FromLayer {
        service: Mutex::new(layer.layer(Inner(std::marker::PhantomData))),
        map_error: Arc::new(S::of_layer),
    }
}

/// Middleware made of a tower layer; see [`from_layer`].
pub struct FromLayer<S: LayeredStage, T> {
    service: Mutex<T>,
    map_error: MapError<S>,
}

type MapError<S> =
    Arc<dyn Fn(BoxError, &<S as LayeredStage>::Place) -> <S as Stage>::Error + Send + Sync>;

impl<S: LayeredStage, T> FromLayer<S, T> {
    /// Sets the conversion of errors of the layer itself, as opposed to errors from inside of it. The function also
    /// gets the name of the called service or action.
    ///
    /// By default, tower's own errors are converted by their meaning: a timeout to `ACTION_TIMEOUT` or `JOB_TIMEOUT`, a
    /// shed load to `OVERLOADED`, all others to `SERVER_ERROR`; on the client all of them to
    /// [`ErrorKind::Middleware`](crate::ErrorKind::Middleware), with the layer's error as source.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::ActionError;
    /// use soa::middleware::{ActionStage, from_layer};
    /// # use tower_layer::Identity as Unchanged;
    ///
    /// let layer = from_layer::<ActionStage, _>(Unchanged::new()).map_error(|action, error| {
    ///     ActionError::server("LAYER_FAILED", format!("{action} failed: {error}"))
    /// });
    /// ```
    #[must_use]
    pub fn map_error<F>(mut self, map: F) -> Self
    where
        F: Fn(BoxError, &S::Place) -> S::Error + Send + Sync + 'static,
    {
        self.map_error = Arc::new(map);
        self
    }
}

impl<S, T> Middleware<S> for FromLayer<S, T>
where
    S: LayeredStage,
    T: Service<Passing<S>, Response = S::Response> + Send + 'static,
    T::Error: Into<BoxError>,
    T::Future: Send,
{
    async fn call(&self, request: S::Request, next: Next<S>) -> StageResult<S> {
        let place = S::place(&request);
        let run = async {
            let mut service = self.service.lock().await;
            poll_fn(|cx| service.poll_ready(cx)).await?;
            let answer = service.call(Passing { request, next });
            drop(service);
            answer.await
        };
        run.await.map_err(|error| {
            // Errors from further in are the stage's own errors, which layers pass on in their boxes.
            match error.into().downcast::<S::Error>() {
                Ok(error) => *error,
                Err(error) => (self.map_error)(error, &place),
            }
        })
    }
}

impl<S: LayeredStage, T> fmt::Debug for FromLayer<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromLayer").finish_non_exhaustive()
    }
}

/// A request on its way through a layer, with the rest of the stack. Layers that inspect requests find it in `request`;
/// a layer that retries clones all of it.
///
/// ```
/// # use soa_runtime as soa;
/// use std::task::{Context, Poll};
/// use soa::middleware::{ActionStage, Passing};
/// use tower_service::Service;
///
/// /// What a layer of tower makes: a service around the inner one.
/// struct Counting<T> {
///     inner: T,
///     requests: u64,
/// }
///
/// impl<T: Service<Passing<ActionStage>>> Service<Passing<ActionStage>> for Counting<T> {
///     type Response = T::Response;
///     type Error = T::Error;
///     type Future = T::Future;
///
///     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
///         self.inner.poll_ready(cx)
///     }
///
///     fn call(&mut self, passing: Passing<ActionStage>) -> T::Future {
///         println!("{}: request {}", passing.request.action, self.requests);
///         self.requests += 1;
///         self.inner.call(passing)
///     }
/// }
/// ```
pub struct Passing<S: Stage> {
    /// The request.
    pub request: S::Request,
    next: Next<S>,
}

impl<S: Stage<Request: Clone>> Clone for Passing<S> {
    fn clone(&self) -> Self {
        Self {
            request: self.request.clone(),
            next: self.next.clone(),
        }
    }
}

impl<S: Stage<Request: fmt::Debug>> fmt::Debug for Passing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing")
            .field("request", &self.request)
            .field("next", &self.next)
            .finish()
    }
}

/// The service that layers wrap: the rest of the stack. It is always ready.
pub struct Inner<S>(std::marker::PhantomData<fn() -> S>);

impl<S: LayeredStage> Service<Passing<S>> for Inner<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<StageResult<S>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, passing: Passing<S>) -> Self::Future {
        passing.next.run(passing.request)
    }
}

impl<S> Clone for Inner<S> {
    fn clone(&self) -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<S> fmt::Debug for Inner<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner")
    }
}

/// A stage that tower's layers can wrap: all three.
pub trait LayeredStage: Stage<Error: Error + Send + Sync> + sealed::Sealed {
    /// The known facts about a request when the layer fails: the called service, the action, or nothing.
    type Place: Send + Sync + 'static;

    /// Returns the destination of a request.
    fn place(request: &Self::Request) -> Self::Place;

    /// Converts an error of a layer, by default.
    fn of_layer(error: BoxError, place: &Self::Place) -> Self::Error;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::JobStage {}
    impl Sealed for super::ActionStage {}
    impl Sealed for super::ClientStage {}
}

/// The meaning of tower's errors.
enum Meaning {
    TimedOut,
    Overloaded,
    Unknown,
}

impl Meaning {
    /// Recognizes errors by their texts, as their types are in a crate that would be needed for nothing else. A test
    /// compares the texts with that crate.
    fn of(error: &BoxError) -> Self {
        match error.to_string().as_str() {
            "request timed out" => Self::TimedOut,
            "service overloaded" => Self::Overloaded,
            _ => Self::Unknown,
        }
    }
}

const OVERLOADED: &str = "The service has more to do than it can take on.";

impl LayeredStage for JobStage {
    type Place = ();

    fn place(_: &JobRequest) {}

    fn of_layer(error: BoxError, (): &()) -> JobError {
        match Meaning::of(&error) {
            Meaning::TimedOut => JobError::new(
                code::JOB_TIMEOUT,
                "The service job ran for too long and had to be interrupted.",
            ),
            Meaning::Overloaded => JobError::new(code::OVERLOADED, OVERLOADED),
            Meaning::Unknown => JobError::internal(error),
        }
    }
}

impl LayeredStage for ActionStage {
    type Place = Name;

    fn place(call: &ActionCall) -> Name {
        call.action.clone()
    }

    fn of_layer(error: BoxError, action: &Name) -> ActionError {
        match Meaning::of(&error) {
            Meaning::TimedOut => ActionError::server(
                code::ACTION_TIMEOUT,
                format!("The action \"{action}\" ran for too long and had to be interrupted."),
            ),
            Meaning::Overloaded => ActionError::server(code::OVERLOADED, OVERLOADED),
            Meaning::Unknown => ActionError::internal(error),
        }
    }
}

impl LayeredStage for ClientStage {
    type Place = Name;

    fn place(request: &ClientRequest) -> Name {
        request.service.clone()
    }

    fn of_layer(error: BoxError, service: &Name) -> ClientError {
        ClientError::middleware(service.clone(), error)
    }
}
