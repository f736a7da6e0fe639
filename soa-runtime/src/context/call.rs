//! The call of one action: a name, a body, and the context that its handler sees.

use futures_util::future::BoxFuture;

use super::Context;
use crate::error::ActionError;
use crate::message::{ActionResponse, Body, Name};
use crate::stack::Stage;

/// A call of one action on its way through action middleware to the handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionCall {
    /// The name of the action.
    pub action: Name,
    /// Its input, still encoded.
    pub body: Body,
    /// What the handler will see of the job.
    pub context: Context,
}

impl ActionCall {
    /// A call of this action, as tests of middleware make it. The context says of itself which action runs, so make it
    /// for the same.
    pub fn new(action: impl Into<Name>, body: Body, context: Context) -> Self {
        Self {
            action: action.into(),
            body,
            context,
        }
    }
}

/// The future of an action.
pub type ActionFuture = BoxFuture<'static, Result<ActionResponse, ActionError>>;

/// Once an action, on the server.
#[derive(Clone, Copy, Debug)]
pub enum ActionStage {}

impl Stage for ActionStage {
    type Request = ActionCall;
    type Response = ActionResponse;
    type Error = ActionError;
}
