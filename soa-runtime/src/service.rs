//! The trait behind `#[service]`, and the one way in which a typed handler is run.
//!
//! Generated code is thin: a table with one line an action, each of which hands a closure to [`run`].
//! Decoding, validating and encoding live here, once.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::action::Action;
use crate::codec::Encoding;
use crate::context::Context;
pub use crate::context::{ActionCall, ActionFuture};
use crate::descriptor::ServiceDescriptor;
use crate::error::{ActionError, IntoActionError};
use crate::health::ServiceHealthCheck;
use crate::message::{ActionResponse, Body, Variant, WireError, code};
use soa_wire::declared::Declared;

/// An action without its types.
pub(crate) trait Handler: Send + Sync {
    fn call(&self, call: ActionCall) -> ActionFuture;

    /// How long this action may take at most.
    fn timeout(&self, _call: &ActionCall) -> Option<Duration> {
        None
    }

    /// Adds the permissions that this call needs and its caller does not have.
    fn missing_permissions(&self, _call: &ActionCall, _missing: &mut Vec<String>) {}
}

/// A service: a value with actions. `#[service]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(name = \"…\", version = \"…\")]` on its `impl` block, or `#[service]` on its `impl` of a contract"
)]
pub trait Service: Sized + Send + Sync + 'static {
    /// What the service offers.
    const DESCRIPTOR: &'static ServiceDescriptor;
    /// How each action is run, in the order of the descriptor.
    const ACTIONS: &'static [ServiceAction<Self>];
    /// The health checks that `status` runs.
    const HEALTH_CHECKS: &'static [ServiceHealthCheck<Self>] = &[];
    /// What the service was built as: the variable `SOA_BUILD` of the environment in which its crate was compiled.
    const BUILD: Option<&'static str> = None;
}

/// How one action of a service is run.
pub struct ServiceAction<S> {
    pub(crate) name: &'static str,
    pub(crate) variant: Option<&'static Variant>,
    pub(crate) declared: &'static Declared,
    pub(crate) run: fn(Arc<S>, ActionCall) -> ActionFuture,
    pub(crate) timeout: Option<Duration>,
}

/// What a contract gives to the services that keep it: a constant of its trait.
#[derive(Debug)]
pub struct Contract<S: 'static> {
    /// What the service offers.
    pub descriptor: &'static ServiceDescriptor,
    /// Whether the contract says which version its services have.
    pub has_version: bool,
    /// How each action is run, in the order of the descriptor.
    pub actions: &'static [ServiceAction<S>],
}

impl<S> Contract<S> {
    /// What one service offers that keeps the contract. Where the contract does not say its version, it has its own.
    pub const fn descriptor(&self, own_version: &'static str) -> ServiceDescriptor {
        if self.has_version {
            *self.descriptor
        } else {
            self.descriptor.with_version(own_version)
        }
    }
}

impl<S> ServiceAction<S> {
    /// An entry of the table that generated code makes.
    pub const fn new<Req, Resp>(
        action: Action<Req, Resp>,
        run: fn(Arc<S>, ActionCall) -> ActionFuture,
    ) -> Self {
        Self {
            name: action.name(),
            variant: action.variant,
            declared: action.declared,
            run,
            timeout: None,
        }
    }

    /// The same entry for a handler that may take so long at most.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<S> std::fmt::Debug for ServiceAction<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServiceAction").field(&self.name).finish()
    }
}

/// What a handler takes by reference: its context, and nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a context",
    label = "not `soa::Context`",
    note = "what an action or a health check takes by reference is its context: write `cx: &Context`",
    note = "an action takes its request by value: if this is one, remove the `&`"
)]
pub trait HandlerContext {
    /// The context as the handler names it.
    fn of(context: &Context) -> &Self;
}

impl HandlerContext for Context {
    fn of(context: &Context) -> &Self {
        context
    }
}

/// The context as the handler names it. As a function, because a bound of one is told at the type argument.
pub fn context<C: HandlerContext + ?Sized>(context: &Context) -> &C {
    C::of(context)
}

/// Runs a typed handler: decode and validate the request, run, validate and encode the response.
///
/// # Errors
/// The request's validation errors, or the handler's own. A response that breaks its own rules is the
/// service's fault: `SERVER_ERROR`, as in the reference.
pub fn run<Req, Resp, E, F, Fut>(
    action: Action<Req, Resp>,
    call: ActionCall,
    handler: F,
) -> ActionFuture
where
    Req: Send + 'static,
    Resp: Send + 'static,
    E: IntoActionError,
    F: FnOnce(Req, Context) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Resp, E>> + Send,
{
    Box::pin(async move {
        let encoding = call.body.encoding();
        let is_held = call.body.is_held();
        let request = match call.body.take() {
            Some(request) => validated(&action, encoding, request),
            None => (action.request.accept)(&call.body),
        };
        let request = request.map_err(ActionError::from_errors)?;
        // The handler may run for long: do not keep the message that the body is a slice of.
        drop(call.body);
        let response = match handler(request, call.context).await {
            Ok(response) => response,
            Err(error) => return Err(error.into()),
        };
        (action.response.validate)(&response)
            .map_err(|errors| invalid_response(&call.action, &errors))?;
        let body = if is_held {
            Body::held(encoding, response, action.response.encode)
        } else {
            (action.response.encode)(encoding, &response)
        };
        Ok(ActionResponse::new(call.action, body))
    })
}

/// Validates a request of another action of the same server, which never was encoded. What is wrong with it is told in
/// the words in which it would be told to any caller.
fn validated<Req, Resp>(
    action: &Action<Req, Resp>,
    encoding: Encoding,
    request: Req,
) -> Result<Req, Vec<WireError>> {
    match (action.request.validate)(&request) {
        Ok(()) => Ok(request),
        Err(errors) => {
            let body = (action.request.encode)(encoding, &request);
            Err((action.request.accept)(&body).err().unwrap_or(errors))
        }
    }
}

/// Runs a typed handler that blocks its thread, on a thread of the runtime's pool for such work.
///
/// # Errors
/// As [`run`], and an internal error without a tokio runtime.
pub fn run_blocking<Req, Resp, E, F>(
    action: Action<Req, Resp>,
    call: ActionCall,
    handler: F,
) -> ActionFuture
where
    Req: Send + 'static,
    Resp: Send + 'static,
    E: IntoActionError,
    F: FnOnce(Req, Context) -> Result<Resp, E> + Send + 'static,
{
    run(action, call, move |request, context| async move {
        let Ok(runtime) = Handle::try_current() else {
            let message = "a blocking action needs a tokio runtime";
            return Err(ActionError::internal(message));
        };
        let span = tracing::Span::current();
        let work = move || {
            if context.is_given_up() {
                // Its caller has been told so, while it waited for a thread.
                return Err(ActionError::internal("the action was given up"));
            }
            // Nothing can end this, so the server has to know of it when it stops.
            let _running = context.blocking();
            span.in_scope(|| handler(request, context).map_err(Into::into))
        };
        let mut work = AbortOnDrop(runtime.spawn_blocking(work));
        match (&mut work.0).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(ActionError::internal(error)),
            },
        }
    })
}

/// Takes work that waits for a thread back when nobody waits for it any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// In the reference's words, which tools may match on.
fn invalid_response(action: &str, errors: &[WireError]) -> ActionError {
    let errors: Vec<String> = errors
        .iter()
        .map(|error| {
            let field = error.field.as_deref().unwrap_or("None");
            format!("{field} {}: {}", error.code, error.message)
        })
        .collect();
    let errors = errors.join("\n\t");
    ActionError::server(
        code::SERVER_ERROR,
        format!("Internal server error: {action} had an invalid response:\n\t{errors}"),
    )
}
