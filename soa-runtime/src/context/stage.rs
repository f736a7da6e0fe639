//! The stage of middleware around actions.

use super::handle::ActionCall;
use crate::error::ActionError;
use crate::message::ActionResponse;
use crate::stack::Stage;

/// The stage of middleware that runs once an action, on the server.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::{ActionStage, Next, from_fn};
/// use soa::{ActionCall, Server};
///
/// let logs = from_fn(|call: ActionCall, next: Next<ActionStage>| async move {
///     println!("{} calls {}", call.context.caller().unwrap_or("somebody"), call.action);
///     next.run(call).await
/// });
/// let server = Server::untyped("tools", "1.0.0").action_middleware(logs).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum ActionStage {}

impl Stage for ActionStage {
    type Request = ActionCall;
    type Response = ActionResponse;
    type Error = ActionError;
}
