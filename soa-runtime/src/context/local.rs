//! Calls of other actions of the same server, without a job around them.
//!
//! A value goes from handler to handler inside of a body that is not encoded ([`Body::held`]), so typed handlers of one
//! type pass it on as it is; where the types on the two sides differ, the body is encoded then and there, and decoded as
//! what the other side takes. The server behind the call is known as [`Siblings`](super::Siblings) only.

use super::Context;
use super::call::{ActionCall, ActionFuture};
use crate::action::Action;
use crate::codec::{Encoding, Value};
use crate::error::{ActionError, ClientError};
use crate::message::{Body, Name, Variant};

/// How many actions of one server may call each other in turn. The stack of a thread has room for a few times of that.
const MAX_DEPTH: u8 = 32;

impl Context {
    /// Calls another action of this server: no transport, no encoding, no job and no middleware, as `call_local_action`
    /// of the reference.
    ///
    /// The request and the response are validated as in any call. The called action gets a copy of this context: the
    /// same job, deadline, extensions and client, and the switch of the variant where the handle is of one. To
    /// change it, make a copy of your own: `cx.clone().with_switch(BETA).call_local(…)`; `with_time_left` is a
    /// timeout for this call.
    ///
    /// The future does not borrow this context, so it may go to a task of its own.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Action, ActionError, Context, Server, Value, value};
    ///
    /// // A generated client has such handles as constants.
    /// const SQUARE: Action<Value, Value> = Action::new("square");
    ///
    /// # async fn call(cx: &Context) -> Result<(), ActionError> {
    /// let response = cx.call_local(SQUARE, value!({ "number": 3 })).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The errors of the called action as they are: `?` passes them on to the caller of this one. A panic of its is
    /// `SERVER_ERROR`, an action that this server does not have `UNKNOWN`, both as the service's fault. Also
    /// refused: more than 32 actions that call each other in turn, and a variant that the switches do not select.
    pub fn call_local<Req, Resp>(
        &self,
        action: Action<Req, Resp>,
        request: Req,
    ) -> impl Future<Output = Result<Resp, ActionError>> + Send + use<Req, Resp>
    where
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        let body = Body::held(Encoding::MessagePack, request, action.request.encode);
        let call = self.sibling(action.name().into(), action.variant, body);
        let decode = action.response.decode;
        async move {
            let response = call?.await?;
            if let Some(response) = response.body.take() {
                return Ok(response);
            }
            // The handle is of other types than the action.
            decode(&response.body).map_err(ActionError::internal)
        }
    }

    /// [`call_local`](Self::call_local) by name, without types: for actions that were registered by name, and for names
    /// that are known at run time only.
    ///
    /// # Errors
    /// See there.
    pub fn call_local_action<N: Into<Name>>(
        &self,
        action: N,
        body: Value,
    ) -> impl Future<Output = Result<Value, ActionError>> + Send + use<N> {
        let body = Body::held(Encoding::MessagePack, body, Body::encode);
        let call = self.sibling(action.into(), None, body);
        async move {
            let response = call?.await?;
            if let Some(response) = response.body.take() {
                return Ok(response);
            }
            response.body.to_value().map_err(ActionError::internal)
        }
    }

    fn sibling(
        &self,
        action: Name,
        variant: Option<&'static Variant>,
        body: Body,
    ) -> Result<ActionFuture, ActionError> {
        let Some(server) = self.job.server.clone() else {
            let message = "this context is of no server: give it one by `with_server`";
            return Err(ActionError::internal(message));
        };
        if self.depth >= MAX_DEPTH {
            let message = format!("{MAX_DEPTH} actions of this server call each other already");
            return Err(ActionError::internal(message));
        }
        let mut context = self.clone();
        if let Some(variant) = variant {
            if let Some(switch) = variant.switch
                && !context.is_active(switch)
            {
                context = context.with_switch(switch);
            }
            if variant.select(context.switches()) != variant.switch {
                let error = ClientError::variant_mismatch(
                    &self.job.service,
                    &action,
                    variant,
                    context.switches(),
                );
                return Err(ActionError::internal(error));
            }
        }
        context.action = action.clone();
        context.depth = self.depth.saturating_add(1);
        Ok(server.call(ActionCall::new(action, body, context)))
    }
}
