//! The trait behind `#[service]`, and the functions that run typed handlers.
//!
//! Generated code is thin: a table with one line an action, each of which hands a closure to [`run`]. Decoding,
//! validating and encoding stand here, once.

use std::sync::Arc;
use std::time::Duration;

use soa_wire::declared::Declared;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::action::Action;
use crate::codec::Encoding;
use crate::context::Context;
pub use crate::context::{ActionCall, ActionFuture};
use crate::descriptor::ServiceDescriptor;
use crate::error::{ActionError, IntoActionError};
use crate::health::ServiceHealthCheck;
use crate::message::{ActionResponse, Body, SwitchSet, Variant, WireError};
use crate::schema::Schema;

/// An action without its types.
pub(crate) trait Handler: Send + Sync {
    fn call(&self, call: ActionCall) -> ActionFuture;

    /// Returns the time limit of this action.
    fn timeout(&self, _call: &ActionCall) -> Option<Duration> {
        None
    }

    /// Adds the permissions that this call needs and its caller does not have.
    fn missing_permissions(&self, _call: &ActionCall, _missing: &mut Vec<String>) {}

    /// Returns true if the action may run again, where these switches select one of several variants.
    fn is_idempotent(&self, _switches: &SwitchSet) -> bool {
        false
    }

    /// Returns the number of processes that a job with this action may end, if it declares one, where these switches select one
    /// of several variants.
    fn crash_limit(&self, _switches: &SwitchSet) -> Option<u8> {
        None
    }

    /// Returns true if the action, or one of its variants, may run again.
    fn may_be_idempotent(&self) -> bool {
        self.is_idempotent(&SwitchSet::new())
    }
}

/// A service: a value with actions. `#[service]` implements it.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Server, Service, ServiceAction, ServiceDescriptor};
///
/// // `#[service]` writes this, with the actions of the `impl` block.
/// struct Library;
///
/// impl Service for Library {
///     const DESCRIPTOR: &'static ServiceDescriptor =
///         &ServiceDescriptor::new("library", "1.2.0", "Lends books.", &[]);
///     const ACTIONS: &'static [ServiceAction<Self>] = &[];
/// }
///
/// let server = Server::builder(Library).build()?;
/// assert_eq!(server.action_names(), ["introspect", "status"]);
/// # Ok::<(), soa::BuildError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(name = \"…\", version = \"…\")]` on its `impl` block, or `#[service]` on its `impl` of a contract"
)]
pub trait Service: Sized + Send + Sync + 'static {
    /// The descriptor of the service.
    const DESCRIPTOR: &'static ServiceDescriptor;
    /// The functions that run the actions, in the order of the descriptor.
    const ACTIONS: &'static [ServiceAction<Self>];
    /// The health checks that `status` runs.
    const HEALTH_CHECKS: &'static [ServiceHealthCheck<Self>] = &[];
    /// The build of the service: the variable `SOA_BUILD` of the environment in which its crate was compiled.
    const BUILD: Option<&'static str> = None;
}

/// An action of a service, with the function that runs it.
pub struct ServiceAction<S> {
    pub(crate) name: &'static str,
    pub(crate) variant: Option<&'static Variant>,
    pub(crate) declared: &'static Declared,
    pub(crate) run: fn(Arc<S>, ActionCall) -> ActionFuture,
    pub(crate) timeout: Option<Duration>,
    pub(crate) request_schema: fn() -> Arc<Schema>,
}

/// A contract, for the services that implement it: a constant of its trait.
#[derive(Debug)]
pub struct Contract<S: 'static> {
    /// The descriptor of the contract.
    pub descriptor: &'static ServiceDescriptor,
    /// True if the contract declares the version of its services.
    pub has_version: bool,
    /// The functions that run the actions, in the order of the descriptor.
    pub actions: &'static [ServiceAction<S>],
}

impl<S> Contract<S> {
    /// Returns the descriptor of a service that implements the contract. The service has its own version unless the
    /// contract declares one.
    pub const fn descriptor(&self, own_version: &'static str) -> ServiceDescriptor {
        if self.has_version {
            *self.descriptor
        } else {
            self.descriptor.with_version(own_version)
        }
    }
}

impl<S> ServiceAction<S> {
    /// Returns an entry of the table that generated code makes.
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
            request_schema: action.request.schema,
        }
    }

    /// Limits the time of the handler.
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

/// The type that a handler takes by reference: its context.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a context",
    label = "not `soa::Context`",
    note = "what an action or a health check takes by reference is its context: write `cx: &Context`",
    note = "an action takes its request by value: if this is one, remove the `&`"
)]
pub trait HandlerContext {
    /// Returns the context as the handler's type.
    fn of(context: &Context) -> &Self;
}

impl HandlerContext for Context {
    fn of(context: &Context) -> &Self {
        context
    }
}

/// Returns the context as the handler's type. This is a function because the compiler reports an unmet bound of a
/// function at the type argument.
pub fn context<C: HandlerContext + ?Sized>(context: &Context) -> &C {
    C::of(context)
}

/// Runs a typed handler: decode and validate the request, run, validate and encode the response.
///
/// # Errors
/// The validation errors of the request, or the errors of the handler. A response that breaks its own rules is
/// the service's fault: `SERVER_ERROR`, as in the reference.
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
        let (is_held, is_dynamic) = (call.body.is_held(), call.body.is_dynamic());
        let request = match call.body.take() {
            Some(request) => validated(&action, encoding, request),
            None => action.request.accept(&call.body),
        };
        let request = request.map_err(ActionError::from_errors)?;
        // The handler may run for long: do not keep the message that the body is a slice of.
        drop(call.body);
        let response = match handler(request, call.context).await {
            Ok(response) => response,
            Err(error) => return Err(error.into()),
        };
        action
            .response
            .validate(&response)
            .map_err(|errors| invalid_response(&call.action, &errors))?;
        // The receiver has its response in the form of its request.
        let body = if is_held {
            Body::held(encoding, response, action.response.encode)
        } else if is_dynamic {
            (action.response.serialize)(&response)
        } else {
            (action.response.encode)(encoding, &response)
        };
        Ok(ActionResponse::new(call.action, body))
    })
}

/// Validates a request of another action of the same server, which never was encoded. Its errors are the same as for
/// any caller.
fn validated<Req, Resp>(
    action: &Action<Req, Resp>,
    encoding: Encoding,
    request: Req,
) -> Result<Req, Vec<WireError>> {
    match action.request.validate(&request) {
        Ok(()) => Ok(request),
        Err(errors) => {
            let body = (action.request.encode)(encoding, &request);
            Err(action.request.accept(&body).err().unwrap_or(errors))
        }
    }
}

/// Runs a typed handler that blocks its thread, on a thread of the runtime's pool for such work.
///
/// # Errors
/// Those of [`run`], and an internal error without a tokio runtime.
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
            let message = "a blocking action requires a tokio runtime";
            return Err(ActionError::internal(message));
        };
        let span = tracing::Span::current();
        let work = move || {
            if context.is_given_up() {
                // The caller got a timeout while this waited for a thread.
                return Err(ActionError::internal("the action was given up"));
            }
            // This cannot be interrupted, so the server has to know of it when it stops.
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

/// Cancels work that waits for a thread when its future is dropped.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The words are those of the reference, as tools may match on them.
fn invalid_response(action: &str, errors: &[WireError]) -> ActionError {
    let errors: Vec<String> = errors
        .iter()
        .map(|error| {
            let field = error.field.as_deref().unwrap_or("None");
            format!("{field} {}: {}", error.code, error.message)
        })
        .collect();
    let errors = errors.join("\n\t");
    ActionError::unexpected(format_args!(
        "{action} had an invalid response:\n\t{errors}"
    ))
}
