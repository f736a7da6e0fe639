//! Running jobs: middleware, each action in order, and the responses for errors and panics.

use std::any::Any;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::Either;
use soa_wire::Extensions;
use tracing::Instrument as _;

use super::handle::{Server, ServerShared};
use super::panic::panic_message;
use crate::BoxFuture;
use crate::codec::Encoding;
use crate::context::{ActionCall, ActionFuture, Context, Host, JobState};
use crate::error::ActionError;
use crate::lifetime::{Lifetime, Limited, OutOfTime};
use crate::message::{
    ActionRequest, ActionResponse, ContextHeader, Control, JobRequest, JobResponse, Name,
    WireError, code,
};
use crate::middleware::not_authorized;
use crate::observe::trace;
use crate::redact;
use crate::service::Handler;
use crate::watchdog::Watched;

impl Server {
    /// Runs a job and returns its response; errors and panics become errors in it.
    ///
    /// The actions run one after another. The first one that fails ends the job, unless `control.continue_on_error` is
    /// set.
    ///
    /// An action that is not done at the deadline of the job, which the caller and the server set, is given up and
    /// answers `ACTION_TIMEOUT`. This ends the job even with `continue_on_error`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// let status = ActionRequest::new("status", Body::empty(Encoding::MessagePack));
    /// let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![status]);
    /// let response = server.execute(job).await;
    /// assert!(response.errors.is_empty() && response.actions[0].errors.is_empty());
    /// # Ok(()) }
    /// ```
    pub fn execute(&self, job: JobRequest) -> impl Future<Output = JobResponse> + Send + use<> {
        let lifetime = self.lifetime(&job, None);
        self.execute_within(job, lifetime)
    }

    /// Runs a job within a lifetime that may be ended from outside.
    pub(super) fn execute_within(
        &self,
        job: JobRequest,
        lifetime: Arc<Lifetime>,
    ) -> impl Future<Output = JobResponse> + Send + use<> {
        execute(Arc::clone(&self.shared), job, lifetime, None)
    }
}

/// An `async` block stores its captured values beside the future that it awaits, so each block around a future doubles
/// its size. Hence `map` here and below, and boxes around the rare cases: the future of a job is one allocation of a
/// few hundred bytes.
pub(super) fn execute(
    shared: Arc<ServerShared>,
    mut job: JobRequest,
    lifetime: Arc<Lifetime>,
    waited: Option<Duration>,
) -> impl Future<Output = JobResponse> + Send + use<> {
    shared.stats.count_job();
    let running = Running::new(shared);
    let (shared, since) = (&running.shared, running.since);
    let span = trace::job(&shared.name, &mut job, waited);
    let correlation_id = Arc::clone(&job.context.correlation_id);
    let run = if shared.job_middleware.is_empty() {
        Either::Left(run_actions(shared, job, lifetime, since))
    } else {
        Either::Right(Box::pin(in_middleware(Arc::clone(shared), job, lifetime)))
    };
    let run = run.map(move |response| {
        let response = finish(&running.shared, correlation_id, response);
        trace::note_errors(&response.errors);
        drop(running);
        response
    });
    run.instrument(span)
}

/// A running job, until this is dropped.
struct Running {
    shared: Arc<ServerShared>,
    since: Instant,
}

impl Running {
    fn new(shared: Arc<ServerShared>) -> Self {
        shared.meters.job_began();
        let since = Instant::now();
        Self { shared, since }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.meters.job_ended(self.since);
    }
}

fn finish(
    shared: &ServerShared,
    correlation_id: Arc<str>,
    mut response: JobResponse,
) -> JobResponse {
    if !response.errors.is_empty() {
        return response;
    }
    let mut actions = response.actions.iter();
    if let Some(error) = actions.find_map(|action| action.body.error()) {
        tracing::error!(service = %shared.name, %error, "the response cannot be encoded");
        shared.meters.not_serializable.increment(1);
        return not_serializable();
    }
    response.context.correlation_id = Some(correlation_id);
    response
}

/// Returns the response in place of one that the caller's serializer cannot encode.
pub(super) fn not_serializable() -> JobResponse {
    JobResponse::failed(vec![WireError::server(
        code::RESPONSE_NOT_SERIALIZABLE,
        "Could not send the response because it failed to serialize",
    )])
}

/// Returns the response in place of one that is too large for the transport.
pub(super) fn too_large() -> JobResponse {
    JobResponse::failed(vec![WireError::server(
        code::RESPONSE_TOO_LARGE,
        "Could not send the response because it was too large",
    )])
}

/// Returns the response to a job with more actions than the server accepts.
fn too_many_actions(shared: &ServerShared, actions: usize) -> JobResponse {
    let maximum = shared.max_actions;
    if let Some(kept_back) = shared.stats.may_log_failure() {
        let service = &*shared.name;
        tracing::warn!(
            service,
            actions,
            maximum,
            kept_back,
            "a job has too many actions"
        );
    }
    shared.meters.job_error.increment(1);
    let message = format!("The job has {actions} actions; this service accepts up to {maximum}");
    let error = WireError::caller(code::REQUEST_TOO_LARGE, message);
    JobResponse::failed(vec![error.with_field("actions")])
}

/// The extra time of middleware after the deadline of an action, in which it sees the action's timeout and passes it
/// on.
const MIDDLEWARE_MARGIN: Duration = Duration::from_millis(10);

async fn in_middleware(
    shared: Arc<ServerShared>,
    job: JobRequest,
    lifetime: Arc<Lifetime>,
) -> JobResponse {
    let inner = (Arc::clone(&shared), Arc::clone(&lifetime));
    let end = move |job| -> BoxFuture<_> {
        let (shared, lifetime) = inner.clone();
        let run = run_actions(&shared, job, lifetime, Instant::now());
        Box::pin(async move { Ok(run.await) })
    };
    let run = AssertUnwindSafe(async { shared.job_middleware.run(job, end).await });
    let deadline = lifetime.deadline;
    let run = Limited::new(Box::pin(run.catch_unwind()), lifetime, deadline)
        .with_margin(MIDDLEWARE_MARGIN);
    let watched = Watched::new(run, &shared.name, Name::default(), "job middleware");
    match watched.await.1 {
        Err(OutOfTime) => JobResponse::failed(job_out_of_time(&shared).into_errors()),
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(error))) => {
            let mut error = error.into_action_error();
            let cause = error
                .cause()
                .map(|cause| redact::chain(cause, MAX_LOGGED_LENGTH));
            let told = error.to_string();
            let error_id = hide_text(&shared, &mut error);
            tracing::error!(service = %shared.name, error = &*told, cause, error_id = error_id.as_deref(), "job middleware refused a job");
            shared.meters.job_error.increment(1);
            JobResponse::failed(error.into_errors())
        }
        Ok(Err(panic)) => {
            let error = panicked(&shared, "job middleware", panic.as_ref());
            JobResponse::failed(error.into_errors())
        }
    }
}

pub(super) fn job_state(
    shared: &Arc<ServerShared>,
    header: ContextHeader,
    control: Control,
    lifetime: Arc<Lifetime>,
) -> Arc<JobState> {
    Arc::new(JobState {
        service: shared.name.clone(),
        header,
        control,
        host: Host::Server(Arc::clone(shared) as Arc<_>),
        lifetime,
    })
}

/// Runs the actions of a job, one after another. The first one begins at `since`.
fn run_actions(
    shared: &Arc<ServerShared>,
    job: JobRequest,
    lifetime: Arc<Lifetime>,
    since: Instant,
) -> impl Future<Output = JobResponse> + Send + use<> {
    let shared = Arc::clone(shared);
    let continue_on_error = job.control.continue_on_error;
    let (actions, extensions) = (job.actions, job.extensions);
    let state = job_state(&shared, job.context, job.control, lifetime);
    async move {
        if actions.is_empty() {
            let error = WireError::server(code::INVALID, "List is shorter than 1");
            return JobResponse::failed(vec![error.with_field("actions")]);
        }
        if actions.len() > shared.max_actions {
            return too_many_actions(&shared, actions.len());
        }
        let mut responses = Vec::with_capacity(actions.len());
        // Looking at the clock takes as long as much of what is around an action.
        let mut since = Some(since);
        for request in actions {
            if !responses.is_empty() && state.lifetime.is_out_of_time() {
                // The action before did not wait for anything, so it could not be interrupted.
                let encoding = request.body.encoding();
                let error = out_of_time(&shared, &request.action);
                responses.push(ActionResponse::failed(
                    request.action,
                    error.into_errors(),
                    encoding,
                ));
                break;
            }
            let begun = since.take().unwrap_or_else(Instant::now);
            let response = match run_action(&shared, &state, &extensions, request, begun).await {
                Ok(response) => response,
                Err(job_errors) => return JobResponse::failed(job_errors),
            };
            let has_failed = !response.errors.is_empty();
            responses.push(response);
            if has_failed && !continue_on_error || state.lifetime.is_cut() {
                break;
            }
        }
        let mut response = JobResponse::default();
        response.actions = responses;
        response
    }
}

/// Runs one action. The error consists of the errors that end the whole job.
fn run_action<'a>(
    shared: &'a Arc<ServerShared>,
    state: &'a Arc<JobState>,
    extensions: &Extensions,
    request: ActionRequest,
    since: Instant,
) -> impl Future<Output = Result<ActionResponse, Vec<WireError>>> + Send + use<'a> {
    let name = request.action.clone();
    let encoding = request.body.encoding();
    let registered = shared.actions.get(&request.action);
    let (span, place) = trace::action(&shared.name, &name, &state.header);
    let (mut flight, mut sampled) = (None, None);
    let run = registered.map(|registered| {
        let handler = &registered.handler;
        let caller = state.header.calling_service.as_ref();
        registered.meters.callers.count(caller);
        if let (Some(tally), Some(flights)) = (&registered.tally, &shared.flights) {
            let deadline = state.lifetime.deadline;
            let patience = state.control.timeout();
            flight = Some(flights.begin(tally, caller, since, deadline, patience));
            sampled = shared.sampler.begin(&name, &state.header, &request.body);
        }
        let mut call = ActionCall {
            context: Context::new(Arc::clone(state), name.clone(), extensions.clone(), place),
            action: request.action,
            body: request.body,
        };
        if let Some(timeout) = handler.timeout(&call) {
            call.context = call.context.within(timeout);
        }
        if shared.action_middleware.is_empty() {
            Either::Left(invoke(shared, handler, call, &*state.lifetime))
        } else {
            let handler = Arc::clone(handler);
            Either::Right(Box::pin(action_in_middleware(shared, handler, call)))
        }
    });
    let run = match run {
        Some(run) => Either::Left(run),
        None => {
            let response = unknown_action(name.clone(), encoding);
            Either::Right(std::future::ready(Ok(response)))
        }
    };
    let run = run.map(move |outcome| match outcome {
        Ok(mut response) => {
            // Middleware may have changed them, but the caller expects this action in this encoding.
            response.action = name;
            if response.body.encoding() != encoding {
                response.body = response.body.transcoded(encoding);
            }
            Ok(response)
        }
        Err(error) if error.ends_job() => Err(error.into_errors()),
        Err(error) => Ok(ActionResponse::failed(name, error.into_errors(), encoding)),
    });
    let run = run.map(move |outcome| {
        drop(flight);
        let errors = outcome
            .as_ref()
            .map_or_else(|errors| errors, |done| &done.errors);
        if let Some(registered) = registered {
            let took = since.elapsed();
            registered.meters.time.record(took);
            registered.usual.record(took);
            if let Some(tally) = &registered.tally {
                tally.ended(took, errors);
            }
            if let Some(sampled) = sampled {
                let body = outcome.as_ref().ok().map(|done| &done.body);
                shared.sampler.end(sampled, took, body, errors);
            }
        }
        if !errors.is_empty() {
            trace::note_errors(errors);
            let action = registered.and(outcome.as_ref().ok());
            // Unknown actions have no metrics of their own, as the caller chooses the name.
            let action = action.map_or("", |done| &done.action);
            shared.meters.failed(action, errors);
        }
        outcome
    });
    run.instrument(span)
}

fn unknown_action(name: Name, encoding: Encoding) -> ActionResponse {
    let message = format!("The action \"{name}\" was not found on this server.");
    let error = WireError::caller(code::UNKNOWN, message).with_field("action");
    ActionResponse::failed(name, vec![error], encoding)
}

async fn action_in_middleware(
    shared: &Arc<ServerShared>,
    handler: Arc<dyn Handler>,
    call: ActionCall,
) -> Result<ActionResponse, ActionError> {
    let name = call.action.clone();
    let inner = Arc::clone(shared);
    let end = move |call: ActionCall| -> BoxFuture<_> {
        let (shared, handler) = (Arc::clone(&inner), Arc::clone(&handler));
        let lifetime = Arc::clone(call.context.lifetime());
        Box::pin(async move { invoke(&shared, &handler, call, lifetime).await })
    };
    let (lifetime, deadline) = (Arc::clone(call.context.lifetime()), call.context.deadline());
    let of_job = Arc::clone(&lifetime);
    let run = AssertUnwindSafe(async { shared.action_middleware.run(call, end).await });
    let run = Limited::new(Box::pin(run.catch_unwind()), lifetime, deadline)
        .with_margin(MIDDLEWARE_MARGIN);
    let watched = Watched::new(run, &shared.name, name, "action middleware");
    let (name, outcome) = watched.await;
    match outcome {
        Ok(Ok(outcome)) => outcome.map_err(|error| logged(shared, &name, error)),
        Ok(Err(panic)) => Err(panicked(shared, &name, panic.as_ref())),
        Err(OutOfTime) if of_job.is_out_of_time() => Err(job_out_of_time(shared)),
        Err(OutOfTime) => Err(out_of_time(shared, &name)),
    }
}

/// Runs the handler. Its errors and panics become responses here, so that middleware sees them; only an error that ends
/// the job remains an error.
fn invoke<'a, L>(
    shared: &'a ServerShared,
    handler: &Arc<dyn Handler>,
    call: ActionCall,
    lifetime: L,
) -> impl Future<Output = Result<ActionResponse, ActionError>> + Send + use<'a, L>
where
    L: Deref<Target = Lifetime> + Unpin + Send,
{
    let name = call.action.clone();
    let encoding = call.body.encoding();
    let deadline = call.context.deadline();
    let run = handle(shared, name, permitted(handler, call), lifetime, deadline);
    run.map(move |(name, outcome)| {
        let error = match outcome {
            Ok(response) => return Ok(response),
            Err(Unanswered::Failed(error)) => logged(shared, &name, error),
            Err(Unanswered::Ended(error)) => error,
        };
        if error.ends_job() {
            return Err(error);
        }
        Ok(ActionResponse::failed(name, error.into_errors(), encoding))
    })
}

/// An action without a response.
pub(super) enum Unanswered {
    /// The handler returned this error.
    Failed(ActionError),
    /// The handler panicked or ran out of time. This is logged already.
    Ended(ActionError),
}

/// Runs a handler, for a job and for another action alike: catches its panics, gives it up at the deadline, and
/// registers it with the watchdog.
pub(super) fn handle<'a, L>(
    shared: &'a ServerShared,
    name: Name,
    run: ActionFuture,
    lifetime: L,
    deadline: Option<tokio::time::Instant>,
) -> impl Future<Output = (Name, Result<ActionResponse, Unanswered>)> + Send + use<'a, L>
where
    L: Deref<Target = Lifetime> + Unpin + Send,
{
    // The handler's own code runs only when the future is polled, so only that can panic.
    let run = AssertUnwindSafe(run).catch_unwind();
    let run = Limited::new(run, lifetime, deadline);
    let watched = Watched::new(run, &shared.name, name, "a handler");
    watched.map(move |(name, outcome)| {
        let outcome = match outcome {
            Ok(Ok(outcome)) => outcome.map_err(Unanswered::Failed),
            Ok(Err(panic)) => Err(Unanswered::Ended(panicked(shared, &name, panic.as_ref()))),
            Err(OutOfTime) => Err(Unanswered::Ended(out_of_time(shared, &name))),
        };
        (name, outcome)
    })
}

/// Runs the handler if the caller has the required permissions.
fn permitted(handler: &Arc<dyn Handler>, call: ActionCall) -> ActionFuture {
    let mut missing = Vec::new();
    handler.missing_permissions(&call, &mut missing);
    if missing.is_empty() {
        return handler.call(call);
    }
    Box::pin(std::future::ready(Err(not_authorized(missing))))
}

/// Returns the error of an action that was given up, in the words of the reference.
pub(super) fn out_of_time(shared: &ServerShared, action: &str) -> ActionError {
    tracing::error!(service = %shared.name, action, "an action ran for too long and was given up");
    shared.meters.given_up("action");
    let message = format!("The action \"{action}\" ran for too long and had to be interrupted.");
    ActionError::server(code::ACTION_TIMEOUT, message)
}

/// Returns the error of a job whose time was used up by middleware.
fn job_out_of_time(shared: &ServerShared) -> ActionError {
    tracing::error!(service = %shared.name, "a job ran for too long outside of its actions and was given up");
    shared.meters.given_up("job");
    let message =
        "The service job ran for too long and had to be interrupted (probably a middleware issue).";
    ActionError::job(code::JOB_TIMEOUT, message)
}

/// The maximum number of bytes of an error, or of its cause, in the log.
const MAX_LOGGED_LENGTH: usize = 4096;

/// Logs an error that is the service's fault, with its causes. Adds them to the error as its traceback, if the server
/// is set to do so.
fn logged(shared: &ServerShared, place: &str, mut error: ActionError) -> ActionError {
    let is_ours = error.errors().iter().any(|error| !error.is_caller_error);
    let cause = error.cause().map(|cause| redact::chain(cause, usize::MAX));
    if error.is_logged() || !is_ours && cause.is_none() {
        return error;
    }
    error.set_logged();
    let shown = cause.as_deref().unwrap_or("none");
    // They may contain data of peers.
    let told = error.to_string();
    let (told, shown) = (
        redact::cut(&told, MAX_LOGGED_LENGTH),
        redact::cut(shown, MAX_LOGGED_LENGTH),
    );
    let error_id = hide_text(shared, &mut error);
    tracing::error!(service = %shared.name, action = place, error = &*told, cause = &*shown, error_id = error_id.as_deref(), "an action failed");
    match cause {
        Some(cause) => with_traceback(shared, error, cause),
        None => error,
    }
}

pub(super) fn panicked(
    shared: &ServerShared,
    place: &str,
    panic: &(dyn Any + Send),
) -> ActionError {
    let text = panic_message(panic);
    let mut error = ActionError::unexpected(&text);
    let error_id = hide_text(shared, &mut error);
    tracing::error!(service = %shared.name, action = place, panic = &*redact::cut(&text, MAX_LOGGED_LENGTH), error_id = error_id.as_deref(), "a handler panicked");
    shared.meters.unhandled_error.increment(1);
    with_traceback(shared, error, format!("panic in {place}: {text}"))
}

/// Replaces the text of an internal error, unless the server is set to tell it. Returns the id in its place.
fn hide_text(shared: &ServerShared, error: &mut ActionError) -> Option<Arc<str>> {
    let tells = shared.tells_internal_errors.get().copied();
    if !error.is_internal() || tells == Some(true) {
        return None;
    }
    let id = ContextHeader::fresh_correlation_id();
    error.hide_text(&id);
    Some(id)
}

fn with_traceback(shared: &ServerShared, error: ActionError, detail: String) -> ActionError {
    if shared.sends_tracebacks {
        error.traceback(detail)
    } else {
        error
    }
}
