//! A request as a job: one action with its body, run as any job is.

use axum::http::StatusCode;
use soa_runtime::server::DoorStop;
use soa_wire::{
    ActionRequest, Body, ContextHeader, JobRequest, JobResponse, Name, TransportError, Value,
    WireError, code,
};

use crate::head::Head;
use crate::hosted::Hosted;

/// Runs an action. Returns the body of its response, or its errors. Those of a job that was refused before its action have
/// the status of the refusal: see [`refusal`].
pub(crate) async fn action(
    hosted: &Hosted,
    stop: &DoorStop,
    head: Box<Head>,
    action: impl Into<Name>,
    request: Value,
) -> Result<Value, Vec<WireError>> {
    let body = Body::from_value(request).map_err(|error| {
        let message = format!("The request cannot be carried: {error}");
        vec![WireError::caller(code::INVALID, message)]
    })?;
    let response = job(hosted, stop, head, vec![ActionRequest::new(action, body)]).await?;
    if !response.errors.is_empty() {
        let errors = response.errors.into_iter();
        let errors = errors.map(|error| match status_of_refusal(&error) {
            Some(status) => error.with_http_status(status.as_u16()),
            None => error,
        });
        return Err(errors.collect());
    }
    let Some(answer) = response.actions.into_iter().next() else {
        return Err(vec![no_answer("the response has no action")]);
    };
    if !answer.errors.is_empty() {
        return Err(answer.errors);
    }
    let body = answer.body.into_value();
    body.map_err(|error| vec![no_answer(error)])
}

/// Returns the status if a job was refused before its action was called: its caller is not authenticated, or the service is
/// overloaded. An action that fails in this way has called itself, so it has none.
pub(crate) fn refusal(errors: &[WireError]) -> Option<StatusCode> {
    errors.iter().find_map(|error| {
        let status = status_of_refusal(error)?;
        let own = error.http().and_then(|http| http.status);
        (own == Some(status.as_u16())).then_some(status)
    })
}

fn status_of_refusal(error: &WireError) -> Option<StatusCode> {
    match &*error.code {
        code::ACCESS_DENIED => Some(StatusCode::UNAUTHORIZED),
        code::OVERLOADED => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    }
}

/// Runs a job of several actions.
///
/// # Errors
/// The server is gone.
pub(crate) async fn job(
    hosted: &Hosted,
    stop: &DoorStop,
    head: Box<Head>,
    actions: Vec<ActionRequest>,
) -> Result<JobResponse, Vec<WireError>> {
    let head = *head;
    let mut job = JobRequest::new(head.context, head.control, actions);
    job.extensions.insert(head.request);
    let reply = hosted.server.admit(job, stop);
    reply
        .await
        .map_err(|error: TransportError| vec![no_answer(error)])
}

fn no_answer(error: impl std::fmt::Display) -> WireError {
    let id = ContextHeader::fresh_correlation_id();
    tracing::error!(%error, error_id = &*id, "a job has no response");
    let message =
        format!("Internal server error: the details are in the log of the service, error id {id}");
    WireError::server(code::SERVER_ERROR, message)
}
