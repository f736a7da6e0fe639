//! How a stub runs one action: its answers as handlers of a server, and the way on to somebody else.

use std::sync::{Arc, Mutex, PoisonError};

use super::Shared;
use super::answer::{Answer, Outcome};
use crate::action::{Action, ActionBody};
use crate::client::ClientRequest;
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::message::{ActionRequest, ActionResponse, Control, JobRequest, Name};
use crate::server::Handler;
use crate::service::{ActionCall, ActionFuture, run};
use crate::transport::ClientTransport;

/// What the handlers of one job have to tell its transport. It is in the job's extensions.
#[derive(Clone)]
pub(super) struct OfJob {
    pub(super) service: Name,
    pub(super) shared: Arc<Mutex<Shared>>,
    lost: Arc<Mutex<Option<TransportError>>>,
}

impl OfJob {
    pub(super) fn new(service: Name, shared: Arc<Mutex<Shared>>) -> Self {
        Self {
            service,
            shared,
            lost: Arc::default(),
        }
    }

    /// Why the job has no answer, if so.
    pub(super) fn lost(&self) -> Option<TransportError> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.take()
    }

    /// Fails the job in the transport; the error of the action, which ends the job, is seen by nobody.
    fn lose(&self, error: TransportError) -> ActionError {
        let told = ActionError::job("LOST", error.to_string());
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        told
    }

    fn used_up(&self, action: &str) -> ActionError {
        let service = &self.service;
        let message = format!(
            "the stub of service `{service}` has used up its answers for action `{action}`; give it one more with \
             `.in_turn(…)`"
        );
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.unexpected.push(message.clone());
        self.lose(TransportError::new(
            TransportErrorKind::Misconfigured,
            message,
        ))
    }
}

/// Answers by a closure, which has none when it is used up.
pub(super) struct Answering<Req, Resp, F> {
    pub(super) action: Action<Req, Resp>,
    pub(super) answer: Arc<F>,
}

impl<Req, Resp, F> Handler for Answering<Req, Resp, F>
where
    Req: ActionBody,
    Resp: ActionBody,
    F: Fn(Req) -> Option<Answer<Resp>> + Send + Sync + 'static,
{
    fn call(&self, call: ActionCall) -> ActionFuture {
        let answer = Arc::clone(&self.answer);
        let of_job = call.context.extension::<OfJob>().cloned();
        let action = call.action.clone();
        run(self.action, call, move |request, _cx| {
            let answer = answer(request);
            async move {
                // `Stub::call` puts it there.
                let Some(of_job) = of_job else {
                    return Err(ActionError::internal("a stub's handler ran without a stub"));
                };
                let Some(answer) = answer else {
                    return Err(of_job.used_up(&action));
                };
                if let Some(delay) = answer.delay {
                    tokio::time::sleep(delay).await;
                }
                match answer.outcome {
                    Outcome::Body(response) => Ok(response),
                    Outcome::Errors { errors, end_job } => {
                        Err(ActionError::from_errors(errors).ending_job(end_job))
                    }
                    Outcome::Lost(kind) => {
                        let message = "the stub loses this call, as it is told to";
                        Err(of_job.lose(TransportError::new(kind, message)))
                    }
                }
            }
        })
    }
}

/// Hands what is not stubbed to another transport, each action as a job of its own.
pub(super) struct Passing(pub(super) Arc<dyn ClientTransport>);

impl Handler for Passing {
    fn call(&self, call: ActionCall) -> ActionFuture {
        let transport = Arc::clone(&self.0);
        Box::pin(async move {
            let Some(of_job) = call.context.extension::<OfJob>().cloned() else {
                return Err(ActionError::internal("a stub's handler ran without a stub"));
            };
            let encoding = call.body.encoding();
            let body = call.body.transcoded(transport.encoding());
            let mut control = Control {
                suppress_response: Some(false),
                ..Control::default()
            };
            if let Some(left) = call.context.time_left() {
                control.set_timeout(left);
            }
            let job = JobRequest::new(
                call.context.header().clone(),
                control,
                vec![ActionRequest::new(call.action.clone(), body)],
            );
            let mut request = ClientRequest::new(of_job.service.clone(), job);
            request.timeout = call.context.time_left();
            let response = match transport.call(request).await {
                Ok(response) => response,
                Err(error) => return Err(of_job.lose(error)),
            };
            if !response.errors.is_empty() {
                return Err(ActionError::from_errors(response.errors).ending_job(true));
            }
            match response.actions.into_iter().next() {
                Some(answer) if answer.errors.is_empty() => {
                    let body = answer.body.transcoded(encoding);
                    Ok(ActionResponse::new(call.action, body))
                }
                Some(answer) => Err(ActionError::from_errors(answer.errors)),
                None => Err(of_job.lose(TransportError::new(
                    TransportErrorKind::InvalidMessage,
                    "the service answered a job of one action with none",
                ))),
            }
        })
    }
}
