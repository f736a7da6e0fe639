//! The stage of middleware around actions.

use super::handle::ActionCall;
use crate::error::ActionError;
use crate::message::ActionResponse;
use crate::stack::Stage;

/// The stage of middleware that runs once an action, on the server.
#[derive(Clone, Copy, Debug)]
pub enum ActionStage {}

impl Stage for ActionStage {
    type Request = ActionCall;
    type Response = ActionResponse;
    type Error = ActionError;
}
