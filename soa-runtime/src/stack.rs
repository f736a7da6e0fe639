//! The generic stack of middleware: stages, the middleware around them, and the rest of a stack that each is given.
//!
//! A [`Stage`] says what goes in and what comes out, and knows nothing else. A [`Stack`] holds the middleware of one stage,
//! the outermost first; [`Next`] is what remains of it, and ends in what the stack stands around. Both are cheap to
//! clone. A middleware that is added is boxed once, and each call of it boxes one future; an empty stack is not entered
//! at all.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// A place where middleware can stand.
pub trait Stage: Send + Sync + 'static {
    /// What goes in.
    type Request: Send + 'static;
    /// What comes out.
    type Response: Send + 'static;
    /// What comes out when it fails.
    type Error: Send + 'static;
}

/// What a stage gives.
pub type StageResult<S> = Result<<S as Stage>::Response, <S as Stage>::Error>;

/// Code around a stage.
pub trait Middleware<S: Stage>: Send + Sync + 'static {
    /// Handles one request; `next.run(request)` goes on.
    ///
    /// # Errors
    /// Whatever the stage may fail with. On the server it becomes the response's errors.
    fn call(
        &self,
        request: S::Request,
        next: Next<S>,
    ) -> impl Future<Output = StageResult<S>> + Send;

    /// Whether it finds out who calls, and leaves an [`Identity`] in the extensions. A server whose actions require
    /// permissions is not made without such middleware.
    fn authenticates(&self) -> bool {
        false
    }
}

/// A middleware made of a closure or a function.
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

/// See [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    function: F,
    authenticates: bool,
}

impl<F> FromFn<F> {
    /// Says that it finds out who calls: see [`Middleware::authenticates`].
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

/// The rest of a stack: the middleware further in, and what they stand around.
pub struct Next<S: Stage> {
    stack: Stack<S>,
    passed: usize,
    end: Arc<dyn Fn(S::Request) -> BoxFuture<'static, StageResult<S>> + Send + Sync>,
}

impl<S: Stage> Next<S> {
    /// What middleware stands around in a test of it: nothing but this closure.
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

    /// Goes on with this request.
    ///
    /// # Errors
    /// Those of the stage.
    pub fn run(mut self, request: S::Request) -> BoxFuture<'static, StageResult<S>> {
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

    pub(crate) fn run<F>(&self, request: S::Request, end: F) -> BoxFuture<'static, StageResult<S>>
    where
        F: Fn(S::Request) -> BoxFuture<'static, StageResult<S>> + Send + Sync + 'static,
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

/// A stack while it is put together.
pub(crate) struct StackBuilder<S: Stage> {
    layers: Vec<Arc<dyn Boxed<S>>>,
    /// How many were added around the others so far, while that is done.
    outside: Option<usize>,
}

impl<S: Stage> StackBuilder<S> {
    pub(crate) fn new() -> Self {
        Self {
            layers: Vec::new(),
            outside: None,
        }
    }

    pub(crate) fn push(&mut self, middleware: impl Middleware<S>) {
        let place = self.outside.unwrap_or(self.layers.len());
        self.layers.insert(place, Arc::new(middleware));
        self.outside = self.outside.map(|outside| outside + 1);
    }

    /// From now on, what is added stands around what is there.
    pub(crate) fn begin_outside(&mut self) {
        self.outside = Some(0);
    }

    pub(crate) fn end_outside(&mut self) {
        self.outside = None;
    }

    /// Whether one of them finds out who calls.
    pub(crate) fn authenticates(&self) -> bool {
        self.layers.iter().any(|layer| layer.finds_out_who_calls())
    }

    pub(crate) fn build(self) -> Stack<S> {
        Stack {
            layers: self.layers.into(),
        }
    }
}

/// The form of [`Middleware`] that can be a trait object.
trait Boxed<S: Stage>: Send + Sync {
    fn call_boxed(
        self: Arc<Self>,
        request: S::Request,
        next: Next<S>,
    ) -> BoxFuture<'static, StageResult<S>>;

    fn finds_out_who_calls(&self) -> bool;
}

impl<S: Stage, M: Middleware<S>> Boxed<S> for M {
    fn call_boxed(
        self: Arc<Self>,
        request: S::Request,
        next: Next<S>,
    ) -> BoxFuture<'static, StageResult<S>> {
        Box::pin(async move { self.call(request, next).await })
    }

    fn finds_out_who_calls(&self) -> bool {
        self.authenticates()
    }
}
