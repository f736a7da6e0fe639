//! Dispatching: the whole way of a job on the client, from its actions and options to the future of its response.

use super::fetch::Expander;
use super::handle::Client;
use super::observed::Observed;
use super::options::CallOptions;
use super::outcome::Outcomes;
use super::reply::JobReply;
use super::route::Callee;
use super::transmit::StartedCall;
use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::Sent;
use crate::message::ActionRequest;

impl Client {
    /// Prepares a job, sends it through the middleware and the transport, and expands its response.
    ///
    /// # Errors
    /// The job could not be prepared or sent.
    pub(super) fn dispatch(
        &self,
        callee: Callee,
        actions: Vec<ActionRequest>,
        options: Option<Box<CallOptions>>,
        sent: Sent,
    ) -> Result<Observed, ClientError> {
        let mut call = self.prepare(&callee, actions, options)?;
        let expansion = call.expansion.take();
        let expansion = expansion.map(|expansion| (expansion, callee.service.clone()));
        let started = StartedCall::new(callee, call, sent);
        // The calls that fetch objects are in the trace of this call.
        let expander = expansion.and_then(|(expansion, service)| {
            let expander = Expander::new(expansion, self, started.context())?;
            Some((expander, service))
        });
        let reply = started.transmit(self)?;
        Ok(match expander {
            None => reply,
            Some((expander, service)) => reply.map_reply(|reply| {
                JobReply::Boxed(Box::pin(async move {
                    expander.run(&service, reply.await?).await
                }))
            }),
        })
    }

    /// Sends a job without asking for a response.
    pub(super) fn forget(
        &self,
        callee: Callee,
        actions: Vec<ActionRequest>,
        mut options: Box<CallOptions>,
    ) -> BoxFuture<Result<(), ClientError>> {
        options.is_forgotten = true;
        let service = callee.service.clone();
        match self.dispatch(callee, actions, Some(options), Sent::unwatched()) {
            Ok(reply) => Box::pin(async move {
                // Middleware may have answered it.
                let response = reply.await?;
                Outcomes::new(&service, response).map(drop)
            }),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
