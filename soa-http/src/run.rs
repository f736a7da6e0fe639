//! A request as a job: one action with its body, run as any job is.

use soa_runtime::server::DoorStop;
use soa_wire::{
    ActionRequest, Body, Encoding, JobRequest, JobResponse, Name, TransportError, Value, WireError,
    code,
};

use crate::head::Head;
use crate::hosted::Hosted;

/// Runs an action. Returns the body of its response, or its errors.
pub(crate) async fn action(
    hosted: &Hosted,
    stop: &DoorStop,
    head: Head,
    action: impl Into<Name>,
    request: &Value,
) -> Result<Value, Vec<WireError>> {
    // MessagePack has every type of the wire.
    let body = Body::encode(Encoding::MessagePack, request);
    if let Err(error) = body.bytes() {
        let message = format!("The request cannot be carried: {error}");
        return Err(vec![WireError::caller(code::INVALID, message)]);
    }
    let response = job(hosted, stop, head, vec![ActionRequest::new(action, body)]).await?;
    if !response.errors.is_empty() {
        return Err(response.errors);
    }
    let Some(answer) = response.actions.into_iter().next() else {
        return Err(vec![no_answer("the response has no action")]);
    };
    if !answer.errors.is_empty() {
        return Err(answer.errors);
    }
    let body = answer.body.to_value();
    body.map_err(|error| vec![no_answer(error)])
}

/// Runs a job of several actions.
///
/// # Errors
/// The server is gone.
pub(crate) async fn job(
    hosted: &Hosted,
    stop: &DoorStop,
    head: Head,
    actions: Vec<ActionRequest>,
) -> Result<JobResponse, Vec<WireError>> {
    let mut job = JobRequest::new(head.context, head.control, actions);
    job.extensions.insert(head.request);
    let reply = hosted.server.admit(job, stop);
    reply
        .await
        .map_err(|error: TransportError| vec![no_answer(error)])
}

fn no_answer(error: impl std::fmt::Display) -> WireError {
    let message = format!("Internal server error: {error}");
    WireError::server(code::SERVER_ERROR, message)
}
