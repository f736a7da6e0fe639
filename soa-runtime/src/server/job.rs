//! How a job is run: middleware, each action in order, and what becomes of errors and panics.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use super::{Handler, Shared};
use crate::BoxFuture;
use crate::context::{Context, JobState};
use crate::error::ActionError;
use crate::extensions::Extensions;
use crate::message::{
    ActionRequest, ActionResponse, JobRequest, JobResponse, Name, WireError, code,
};
use crate::service::ActionCall;

pub(super) async fn execute(shared: Arc<Shared>, job: JobRequest) -> JobResponse {
    shared.stats.count_job();
    let correlation_id = Arc::clone(&job.context.correlation_id);
    let mut response = if shared.job_middleware.is_empty() {
        run_actions(Arc::clone(&shared), job).await
    } else {
        in_middleware(Arc::clone(&shared), job).await
    };
    if response.errors.is_empty() {
        if let Some(error) = response
            .actions
            .iter()
            .find_map(|action| action.body.bytes().err())
        {
            tracing::error!(service = %shared.name, %error, "the response cannot be encoded");
            return not_serializable();
        }
        response.context.correlation_id = Some(correlation_id);
    }
    response
}

/// What is answered in place of a response that the caller's serializer cannot carry.
pub(super) fn not_serializable() -> JobResponse {
    JobResponse::failed(vec![WireError::server(
        code::RESPONSE_NOT_SERIALIZABLE,
        "Could not send the response because it failed to serialize",
    )])
}

async fn in_middleware(shared: Arc<Shared>, job: JobRequest) -> JobResponse {
    let inner = Arc::clone(&shared);
    let end = move |job| -> BoxFuture<_> {
        let shared = Arc::clone(&inner);
        Box::pin(async move { Ok(run_actions(shared, job).await) })
    };
    let run = async { shared.job_middleware.run(job, end).await };
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => JobResponse::failed(error.into_errors()),
        Err(panic) => {
            let error = panicked(&shared, "job middleware", panic.as_ref());
            JobResponse::failed(error.into_errors())
        }
    }
}

async fn run_actions(shared: Arc<Shared>, job: JobRequest) -> JobResponse {
    if job.actions.is_empty() {
        let error = WireError::server(code::INVALID, "List is shorter than 1");
        return JobResponse::failed(vec![error.with_field("actions")]);
    }
    let continue_on_error = job.control.continue_on_error;
    let state = Arc::new(JobState {
        service: shared.name.clone(),
        header: job.context,
        control: job.control,
        client: shared.client.clone(),
        hook: shared.client_hook.clone(),
    });
    let mut response = JobResponse::default();
    response.actions.reserve_exact(job.actions.len().min(64));
    for request in job.actions {
        match run_action(&shared, &state, request, &job.extensions).await {
            Ok(action) => {
                let failed = !action.errors.is_empty();
                response.actions.push(action);
                if failed && !continue_on_error {
                    break;
                }
            }
            Err(job_error) => return JobResponse::failed(job_error),
        }
    }
    response
}

/// Runs one action; `Err` ends the whole job.
async fn run_action(
    shared: &Arc<Shared>,
    state: &Arc<JobState>,
    request: ActionRequest,
    extensions: &Extensions,
) -> Result<ActionResponse, Vec<WireError>> {
    let encoding = request.body.encoding();
    let Some((name, handler)) = shared.actions.get_key_value(&request.action) else {
        let error = unknown_action(&request.action);
        return Ok(ActionResponse::failed(request.action, vec![error], encoding));
    };
    // The registry's own name is mostly a literal and then free to clone; the one that came is not.
    let name = name.clone();
    let call = ActionCall {
        action: name.clone(),
        body: request.body,
        context: Context::new(Arc::clone(state), name.clone(), extensions.clone()),
    };
    let outcome = if shared.action_middleware.is_empty() {
        invoke(shared, handler, call).await
    } else {
        let (inner, handler) = (Arc::clone(shared), Arc::clone(handler));
        let end = move |call| -> BoxFuture<_> {
            let (shared, handler) = (Arc::clone(&inner), Arc::clone(&handler));
            Box::pin(async move { invoke(&shared, &handler, call).await })
        };
        let run = async { shared.action_middleware.run(call, end).await };
        match AssertUnwindSafe(run).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(panicked(shared, &name, panic.as_ref())),
        }
    };
    match outcome {
        Ok(response) => Ok(response),
        Err(error) if error.ends_job() => Err(error.into_errors()),
        Err(error) => Ok(ActionResponse::failed(name, error.into_errors(), encoding)),
    }
}

/// Runs the handler. Its errors and panics are responses from here on, so that middleware sees them; only
/// an error that ends the job stays one.
async fn invoke(
    shared: &Shared,
    handler: &Arc<dyn Handler>,
    call: ActionCall,
) -> Result<ActionResponse, ActionError> {
    let name = call.action.clone();
    let encoding = call.body.encoding();
    let run = async { handler.call(call).await };
    let error = match AssertUnwindSafe(run).catch_unwind().await {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(error)) => logged(shared, &name, error),
        Err(panic) => panicked(shared, &name, panic.as_ref()),
    };
    if error.ends_job() {
        return Err(error);
    }
    Ok(ActionResponse::failed(name, error.into_errors(), encoding))
}

pub(super) fn unknown_action(name: &Name) -> WireError {
    WireError::caller(
        code::UNKNOWN,
        format!("The action \"{name}\" was not found on this server."),
    )
    .with_field("action")
}

/// Logs what is behind an error, and tells it where the server is set to.
fn logged(shared: &Shared, place: &str, error: ActionError) -> ActionError {
    let Some(source) = error.source() else {
        return error;
    };
    let chain = chain(source);
    tracing::error!(service = %shared.name, action = place, error = %chain, "an action failed");
    with_traceback(shared, error, chain)
}

fn panicked(shared: &Shared, place: &str, panic: &(dyn Any + Send)) -> ActionError {
    let text: Cow<'_, str> = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).into(),
        (None, Some(text)) => text.as_str().into(),
        (None, None) => "a panic without a message".into(),
    };
    tracing::error!(service = %shared.name, action = place, panic = %text, "a handler panicked");
    let message = format!("Internal server error: {text}");
    let error = ActionError::server(code::SERVER_ERROR, message);
    with_traceback(shared, error, format!("panic in {place}: {text}"))
}

fn with_traceback(shared: &Shared, error: ActionError, detail: String) -> ActionError {
    if shared.tells_tracebacks {
        error.traceback(detail)
    } else {
        error
    }
}

/// An error and all that caused it, outermost first.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
