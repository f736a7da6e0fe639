//! Calls of other actions of the same server, without a job around them.
//!
//! A value goes from handler to handler inside of a body that is not encoded ([`Body::held`]). Typed handlers of the
//! same type pass it on as it is; if the types differ, the body is encoded then, and decoded as the other type. The
//! server behind the call is known only as a [`Siblings`](super::Siblings).

use super::handle::{ActionCall, ActionFuture, Context};
use crate::BoxFuture;
use crate::action::Action;
use crate::codec::{Encoding, Value};
use crate::error::{ActionError, ClientError};
use crate::message::{Body, Name, Variant};

/// The maximum number of actions of one server that call each other in turn. The stack of a thread has room for several
/// times as many.
const MAX_DEPTH: u8 = 32;

impl Context {
    /// Calls another action of this server without transport, encoding, job or middleware, as `call_local_action` of
    /// the reference.
    ///
    /// The request and the response are validated as in any call. The called action gets a copy of this context: the
    /// same job, deadline, extensions and client, plus the switch of the variant if the handle is of one. To call with
    /// another context, change a copy: `cx.clone().with_switch(BETA).call_local(…)`; `with_time_left` is a timeout for
    /// this call.
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
    /// The errors of the called action, unchanged: `?` passes them on to the caller of this one. A panic is
    /// `SERVER_ERROR` and an unknown action is `UNKNOWN`, both as the service's fault. More than 32 nested calls, and a
    /// variant that the switches do not select, are errors, too.
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
        let call = self.sibling(Name::from_static(action.name()), action.variant, body);
        let decode = action.response.decode;
        async move {
            let response = call?.await?;
            if let Some(response) = response.body.take() {
                return Ok(response);
            }
            // The types of the handle are not those of the action.
            decode(&response.body).map_err(ActionError::internal)
        }
    }

    /// Calls another action of this server as [`call_local`](Self::call_local) does, by name and without types: for
    /// actions that were registered by name, and for names that are known at run time only.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionError, Context, Server, Value, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .action("echo", |body: Value, _: Context| async { Ok::<_, ActionError>(body) })
    ///     .action("echo_twice", |body: Value, cx: Context| async move {
    ///         let body = cx.call_local_action("echo", body).await?;
    ///         cx.call_local_action("echo", body).await
    ///     })
    ///     .build()?;
    /// let cx = Context::for_test().with_server(&server);
    /// let body = cx.call_local_action("echo_twice", value!({ "n": 1 })).await?;
    /// assert_eq!(body, value!({ "n": 1 }));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`call_local`](Self::call_local).
    pub fn call_local_action(
        &self,
        action: impl Into<Name>,
        body: Value,
    ) -> BoxFuture<Result<Value, ActionError>> {
        let body = Body::held(Encoding::MessagePack, body, Body::encode);
        let call = self.sibling(action.into(), None, body);
        // A future of an opaque type would hold on to what the name was made of.
        Box::pin(async move {
            let response = call?.await?;
            if let Some(response) = response.body.take() {
                return Ok(response);
            }
            response.body.to_value().map_err(ActionError::internal)
        })
    }

    fn sibling(
        &self,
        action: Name,
        variant: Option<&'static Variant>,
        body: Body,
    ) -> Result<ActionFuture, ActionError> {
        let Some(server) = self.job.host.server().cloned() else {
            let message = "this context has no server: add one with `with_server`";
            return Err(ActionError::internal(message));
        };
        if self.depth >= MAX_DEPTH {
            let message = format!("too many nested local calls: the limit is {MAX_DEPTH}");
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
