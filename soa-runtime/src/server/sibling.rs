//! Calls between the actions of one server: no job, no transport, no encoding, no middleware.
//!
//! A handler calls another action of its own server by the context (`cx.call_local`). The called one gets a copy of the
//! caller's context, and is a part of the caller's action: it ends with it at its deadline, and its error is the
//! caller's to handle. Only a tighter limit of its own is looked after here.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use super::job::{out_of_time, panicked};
use super::{Registered, Shared};
use crate::BoxFuture;
use crate::error::ActionError;
use crate::lifetime::{Lifetime, Limited, OutOfTime};
use crate::message::{ActionResponse, WireError, code};
use crate::service::ActionCall;

/// Runs an action for another one.
pub(crate) fn call(
    shared: &Arc<Shared>,
    mut call: ActionCall,
) -> BoxFuture<Result<ActionResponse, ActionError>> {
    let name = call.action.clone();
    let Some(Registered { handler, .. }) = shared.actions.get(&name) else {
        // Unlike that of a job, this is the service's fault: it calls itself.
        let message = format!("The action \"{name}\" was not found on this server.");
        let error = WireError::server(code::UNKNOWN, message).with_field("action");
        return Box::pin(std::future::ready(Err(error.into())));
    };
    if let Some(timeout) = handler.timeout(&call) {
        call.context = call.context.within(timeout);
    }
    let shared = Arc::clone(shared);
    let deadline = call.context.deadline();
    // A lifetime of its own, as a limit of this action does not end the job.
    let lifetime = Box::new(Lifetime::new(deadline, None));
    // Making the future runs nothing of the service's yet, so only polling it can panic.
    let run = AssertUnwindSafe(handler.call(call)).catch_unwind();
    let run = Limited::new(run, lifetime, deadline);
    Box::pin(run.map(move |outcome| match outcome {
        Ok(Ok(Ok(response))) if response.errors.is_empty() => Ok(response),
        Ok(Ok(Ok(response))) => Err(ActionError::from_errors(response.errors)),
        Ok(Ok(Err(error))) => Err(error),
        Ok(Err(panic)) => Err(panicked(&shared, &name, panic.as_ref())),
        Err(OutOfTime) => Err(out_of_time(&shared, &name)),
    }))
}
