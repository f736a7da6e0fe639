//! Calls between the actions of one server: without job, transport, encoding or middleware.
//!
//! A handler calls another action of its own server by the context (`cx.call_local`). The called action gets a copy of
//! the caller's context and is a part of the caller's action: it ends at the same deadline, and its error is the
//! caller's to handle. Only a tighter limit of its own is enforced here.

use std::sync::Arc;

use soa_wire::Extensions;

use super::handle::{Registered, Server, ServerShared};
use super::job::{Unanswered, handle};
use crate::client::{Client, Places};
use crate::context::{ActionCall, ActionFuture, ClientHook, LocalServer, Siblings};
use crate::error::ActionError;
use crate::lifetime::{Blocking, Lifetime};
use crate::message::{SwitchSet, WireError, code};

impl Siblings for ServerShared {
    fn call(self: Arc<Self>, mut call: ActionCall) -> ActionFuture {
        let name = call.action.clone();
        let Some(Registered { handler, .. }) = self.actions.get(&name) else {
            // Unlike an unknown action in a job, this is the service's fault: it calls itself.
            let message = format!("The action \"{name}\" was not found on this server.");
            let error = WireError::server(code::UNKNOWN, message).with_field("action");
            return Box::pin(std::future::ready(Err(error.into())));
        };
        if let Some(timeout) = handler.timeout(&call) {
            call.context = call.context.within(timeout);
        }
        let deadline = call.context.deadline();
        // A lifetime of its own, as a limit of this action does not end the job.
        let lifetime = Box::new(Lifetime::new(deadline, None));
        let run = handler.call(call);
        Box::pin(async move {
            let (_, outcome) = handle(&self, name, run, lifetime, deadline).await;
            match outcome {
                Ok(response) if response.errors.is_empty() => Ok(response),
                Ok(response) => Err(ActionError::from_errors(response.errors)),
                Err(Unanswered::Failed(error) | Unanswered::Ended(error)) => Err(error),
            }
        })
    }

    fn blocking(&self) -> Blocking {
        self.stats.blocking()
    }

    fn client(&self) -> (&Client, Option<&ClientHook>) {
        (self.client(), self.client_hook.as_ref())
    }

    fn places(&self) -> Arc<Places> {
        Arc::clone(&self.places)
    }

    fn is_idempotent(&self, action: &str, switches: &SwitchSet) -> bool {
        let registered = self.actions.get(action);
        registered.is_some_and(|registered| registered.handler.is_idempotent(switches))
    }

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

impl From<&Server> for LocalServer {
    fn from(server: &Server) -> Self {
        Self {
            service: server.shared.name.clone(),
            siblings: Arc::clone(&server.shared) as Arc<_>,
        }
    }
}
