//! The generic stack of middleware: stages, the middleware around them, and the rest of a stack that each one gets.
//!
//! A [`Stage`] declares the types that go in and come out. A [`Stack`] holds the middleware of one stage, the outermost
//! first; [`Next`] is the rest of it, and ends in the code that the stack is around. Both are cheap to clone. A
//! middleware is boxed once when it is added, and each call of it boxes one future; an empty stack is not entered at
//! all.

use std::fmt;
use std::sync::Arc;

use crate::BoxFuture;

/// A place for middleware.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Instant;
/// use soa::middleware::{Middleware, Next, Stage, StageResult};
///
/// /// Middleware for every stage.
/// struct Timed;
///
/// impl<S: Stage> Middleware<S> for Timed {
///     async fn call(&self, request: S::Request, next: Next<S>) -> StageResult<S> {
///         let since = Instant::now();
///         let outcome = next.run(request).await;
///         println!("took {:?}", since.elapsed());
///         outcome
///     }
/// }
/// ```
pub trait Stage: Send + Sync + 'static {
    /// The input.
    type Request: Send + 'static;
    /// The output.
    type Response: Send + 'static;
    /// The error.
    type Error: Send + 'static;
}

/// The result of a stage.
pub type StageResult<S> = Result<<S as Stage>::Response, <S as Stage>::Error>;

/// Code around a stage.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Instant;
/// use soa::middleware::{ActionStage, Middleware, Next};
/// use soa::{ActionCall, ActionError, ActionResponse};
///
/// struct Timed;
///
/// impl Middleware<ActionStage> for Timed {
///     async fn call(
///         &self,
///         request: ActionCall,
///         next: Next<ActionStage>,
///     ) -> Result<ActionResponse, ActionError> {
///         let (action, since) = (request.action.clone(), Instant::now());
///         let outcome = next.run(request).await;
///         println!("{action} took {:?}", since.elapsed());
///         outcome
///     }
/// }
/// ```
pub trait Middleware<S: Stage>: Send + Sync + 'static {
    /// Handles one request; `next.run(request)` passes it on.
    ///
    /// # Errors
    /// Any error of the stage. On the server, it becomes the errors of the response.
    fn call(
        &self,
        request: S::Request,
        next: Next<S>,
    ) -> impl Future<Output = StageResult<S>> + Send;

    /// Returns true if this authenticates the caller and leaves an [`Identity`](crate::middleware::Identity) in the
    /// extensions. A server whose actions require permissions cannot be built without such middleware.
    fn authenticates(&self) -> bool {
        false
    }
}

/// Makes a middleware of a closure or a function.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::{JobStage, Next, from_fn};
/// use soa::{JobRequest, SwitchSet};
///
/// let beta = from_fn(|mut job: JobRequest, next: Next<JobStage>| async move {
///     job.context.switches = job.context.switches.with(7);
///     next.run(job).await
/// });
/// ```
pub fn from_fn<F>(function: F) -> FromFn<F> {
    FromFn {
        function,
        authenticates: false,
    }
}

/// A middleware made of a function; see [`from_fn`].
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::middleware::{FromFn, JobStage, Next, from_fn};
///
/// let logs: FromFn<_> = from_fn(|job: soa::JobRequest, next: Next<JobStage>| async move {
///     println!("job {}", job.context.correlation_id);
///     next.run(job).await
/// });
/// let server = Server::untyped("tools", "1.0.0").job_middleware(logs).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    function: F,
    authenticates: bool,
}

impl<F> FromFn<F> {
    /// Declares that the function authenticates the caller: see [`Middleware::authenticates`].
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::{Identity, JobStage, Next, from_fn};
    /// use soa::{JobRequest, Server};
    ///
    /// let local_user = from_fn(|mut job: JobRequest, next: Next<JobStage>| async move {
    ///     job.extensions.insert(Identity::new("root").with_permissions(["disk.write"]));
    ///     next.run(job).await
    /// });
    /// let server = Server::untyped("disk", "1.0.0")
    ///     .require("status", ["disk.write"])
    ///     .job_middleware(local_user.authenticating())
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn authenticating(mut self) -> Self {
        self.authenticates = true;
        self
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

impl<S, F, Fut> Middleware<S> for FromFn<F>
where
    S: Stage,
    F: Fn(S::Request, Next<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StageResult<S>> + Send,
{
    fn call(
        &self,
        request: S::Request,
        next: Next<S>,
    ) -> impl Future<Output = StageResult<S>> + Send {
        (self.function)(request, next)
    }

    fn authenticates(&self) -> bool {
        self.authenticates
    }
}

/// The rest of a stack: the middleware further in, and the code inside of it.
///
/// A middleware that tries a failed action once more:
///
/// ```
/// # use soa_runtime as soa;
/// use soa::ActionCall;
/// use soa::middleware::{ActionStage, Next, from_fn};
///
/// let twice = from_fn(|call: ActionCall, next: Next<ActionStage>| async move {
///     let response = next.clone().run(call.clone()).await?;
///     match response.errors.iter().any(|error| error.code == "LOCKED") {
///         true => next.run(call).await,
///         false => Ok(response),
///     }
/// });
/// # fn is_middleware(_: impl soa::middleware::Middleware<ActionStage>) {}
/// # is_middleware(twice);
/// ```
pub struct Next<S: Stage> {
    stack: Stack<S>,
    passed: usize,
    end: Arc<dyn Fn(S::Request) -> BoxFuture<StageResult<S>> + Send + Sync>,
}

impl<S: Stage> Next<S> {
    /// Returns a `Next` for a test of middleware, which runs nothing but this closure.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::{JobStage, Middleware, Next};
    /// use soa::{ContextHeader, Control, JobError, JobRequest, JobResponse};
    ///
    /// async fn refuses_all(middleware: impl Middleware<JobStage>) {
    ///     let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![]);
    ///     let next = Next::new(|_job| async { Ok::<_, JobError>(JobResponse::default()) });
    ///     assert!(middleware.call(job, next).await.is_err());
    /// }
    /// ```
    pub fn new<F, Fut>(end: F) -> Self
    where
        F: Fn(S::Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = StageResult<S>> + Send + 'static,
    {
        Self {
            stack: StackBuilder::new().build(),
            passed: 0,
            end: Arc::new(move |request| Box::pin(end(request))),
        }
    }

    /// Passes the request on.
    ///
    /// # Errors
    /// The errors of the stage.
    pub fn run(mut self, request: S::Request) -> BoxFuture<StageResult<S>> {
        match self.stack.layers.get(self.passed) {
            Some(layer) => {
                let layer = Arc::clone(layer);
                self.passed += 1;
                layer.call_boxed(request, self)
            }
            None => (self.end)(request),
        }
    }
}

impl<S: Stage> Clone for Next<S> {
    fn clone(&self) -> Self {
        Self {
            stack: self.stack.clone(),
            passed: self.passed,
            end: Arc::clone(&self.end),
        }
    }
}

impl<S: Stage> fmt::Debug for Next<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.stack.layers.len().saturating_sub(self.passed);
        write!(f, "Next({left} more)")
    }
}

/// The middleware of one stage, outermost first. Cheap to clone.
pub(crate) struct Stack<S: Stage> {
    layers: Arc<[Arc<dyn Boxed<S>>]>,
}

impl<S: Stage> Stack<S> {
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.layers.len()
    }

    /// Returns true if one of the middleware authenticates the caller.
    pub(crate) fn authenticates(&self) -> bool {
        self.layers.iter().any(|layer| layer.authenticates_boxed())
    }

    pub(crate) fn run<F>(&self, request: S::Request, end: F) -> BoxFuture<StageResult<S>>
    where
        F: Fn(S::Request) -> BoxFuture<StageResult<S>> + Send + Sync + 'static,
    {
        Next {
            stack: self.clone(),
            passed: 0,
            end: Arc::new(end),
        }
        .run(request)
    }
}

impl<S: Stage> Clone for Stack<S> {
    fn clone(&self) -> Self {
        Self {
            layers: Arc::clone(&self.layers),
        }
    }
}

/// The builder of a stack.
pub(crate) struct StackBuilder<S: Stage> {
    layers: Vec<Arc<dyn Boxed<S>>>,
    /// The position of the next outer middleware, while such are added.
    outer_position: Option<usize>,
}

impl<S: Stage> StackBuilder<S> {
    pub(crate) fn new() -> Self {
        Self {
            layers: Vec::new(),
            outer_position: None,
        }
    }

    pub(crate) fn push(&mut self, middleware: impl Middleware<S>) {
        let place = self.outer_position.unwrap_or(self.layers.len());
        self.layers.insert(place, Arc::new(middleware));
        self.outer_position = self.outer_position.map(|position| position + 1);
    }

    /// Begins to add middleware around all that was added before.
    pub(crate) fn begin_outer(&mut self) {
        self.outer_position = Some(0);
    }

    pub(crate) fn end_outer(&mut self) {
        self.outer_position = None;
    }

    /// Returns true if one of the middleware authenticates the caller.
    pub(crate) fn authenticates(&self) -> bool {
        self.layers.iter().any(|layer| layer.authenticates_boxed())
    }

    pub(crate) fn build(self) -> Stack<S> {
        Stack {
            layers: self.layers.into(),
        }
    }
}

/// The form of [`Middleware`] that can be a trait object.
trait Boxed<S: Stage>: Send + Sync {
    fn call_boxed(self: Arc<Self>, request: S::Request, next: Next<S>)
    -> BoxFuture<StageResult<S>>;

    fn authenticates_boxed(&self) -> bool;
}

impl<S: Stage, M: Middleware<S>> Boxed<S> for M {
    fn call_boxed(
        self: Arc<Self>,
        request: S::Request,
        next: Next<S>,
    ) -> BoxFuture<StageResult<S>> {
        Box::pin(async move { self.call(request, next).await })
    }

    fn authenticates_boxed(&self) -> bool {
        self.authenticates()
    }
}
