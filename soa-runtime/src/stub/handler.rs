//! The handlers of a stub: they return its answers, or pass actions on to another transport.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard};

use super::answer::{Answer, Outcome};
use super::record::Record;
use super::state::{StubState, lock};
use crate::action::Action;
use crate::codec::Value;
use crate::context::{ActionCall, ActionFuture};
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;
use crate::message::{ActionRequest, ActionResponse, Body, JobRequest, Name, ReadText};
use crate::server::panic_message;
use crate::service::{Handler, run};
use crate::transport::ClientTransport;
use crate::validation::ActionBody;

/// The state of one job of a stub, for its handlers and its transport. It is an extension of the job.
#[derive(Clone)]
pub(super) struct OfJob {
    pub(super) service: Name,
    pub(super) shared: Arc<Mutex<StubState>>,
    lost: Arc<Mutex<Option<TransportError>>>,
    /// The indices of the job's calls, in the order in which they ran.
    calls: Arc<Mutex<Vec<usize>>>,
    /// The readers of the answers that are written as text, by action, of a typed caller.
    readers: Arc<[(Name, ReadText)]>,
}

impl OfJob {
    pub(super) fn new(request: &ClientRequest, shared: Arc<Mutex<StubState>>) -> Self {
        let actions = request.job.actions.iter();
        let readers = actions.filter_map(|action| Some((action.action.clone(), action.read_text?)));
        Self {
            service: request.service.clone(),
            shared,
            lost: Arc::default(),
            calls: Arc::default(),
            readers: readers.collect(),
        }
    }

    fn reader(&self, action: &Name) -> Option<ReadText> {
        let mut readers = self.readers.iter();
        readers.find_map(|(name, reader)| (name == action).then_some(*reader))
    }

    fn shared(&self) -> MutexGuard<'_, StubState> {
        lock(&self.shared)
    }

    /// Records that an action of the job runs.
    fn begins(&self, call: &ActionCall, shown: String) {
        let request = ActionRequest::new(call.action.clone(), call.body.clone());
        let switches = &call.context.header().switches;
        let record = Record::new(&self.service, &request, switches, shown);
        let mut shared = self.shared();
        lock(&self.calls).push(shared.calls.len());
        shared.calls.push(record);
    }

    /// Records the answers of the actions that ran.
    pub(super) fn answered(&self, answers: &[ActionResponse]) {
        let calls = lock(&self.calls);
        let mut shared = self.shared();
        for (at, answer) in calls.iter().zip(answers) {
            if let Some(record) = shared.calls.get_mut(*at) {
                record.answer = Some(answer.clone());
            }
        }
    }

    /// Takes the error of a job that was lost.
    pub(super) fn lost(&self) -> Option<TransportError> {
        lock(&self.lost).take()
    }

    /// Loses the job in the transport. The returned error ends the job, and nobody sees it.
    fn lose(&self, error: TransportError) -> ActionError {
        let told = ActionError::job("LOST", error.to_string());
        *lock(&self.lost) = Some(error);
        told
    }

    /// Records a panic. It is usually an assertion of the test, which the code under test may hide.
    fn panicked(&self, action: &str, text: &str) {
        let service = &self.service;
        let message =
            format!("the stub of service `{service}` panicked in action `{action}`: {text}");
        self.shared().unexpected.push(message);
    }

    fn used_up(&self, action: &str) -> ActionError {
        let service = &self.service;
        let message = format!(
            "the stub of service `{service}` has used up its answers for action `{action}`; give it one more with \
             `.in_turn(…)`"
        );
        self.shared().unexpected.push(message.clone());
        self.lose(TransportError::new(
            TransportErrorKind::Misconfigured,
            message,
        ))
    }
}

/// Records a call before it is answered.
pub(super) struct Recorded {
    pub(super) handler: Arc<dyn Handler>,
    /// The name of the action in `introspect`.
    pub(super) shown: String,
}

impl Handler for Recorded {
    fn call(&self, call: ActionCall) -> ActionFuture {
        // `Stub::call` adds it.
        if let Some(of_job) = call.context.extension::<OfJob>() {
            of_job.begins(&call, self.shown.clone());
        }
        self.handler.call(call)
    }
}

/// Reads an answer that is written as text. A typed caller has a reader.
pub(super) type ReadAnswer = dyn Fn(Value, Option<ReadText>) -> Value + Send + Sync;

/// Reads the answers of another handler.
pub(super) struct Reading {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) read: Arc<ReadAnswer>,
}

impl Handler for Reading {
    fn call(&self, call: ActionCall) -> ActionFuture {
        let of_job = call.context.extension::<OfJob>();
        let reader = of_job.and_then(|of_job| of_job.reader(&call.action));
        let read = Arc::clone(&self.read);
        let answer = self.handler.call(call);
        Box::pin(async move {
            let mut answer = answer.await?;
            if answer.errors.is_empty()
                && let Ok(body) = answer.body.to_value()
            {
                answer.body = Body::encode(answer.body.encoding(), &read(body, reader));
            }
            Ok(answer)
        })
    }
}

/// Answers by a closure, which returns `None` when its answers are used up.
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
            let answer = std::panic::catch_unwind(AssertUnwindSafe(|| answer(request)));
            async move {
                // `Stub::call` adds it.
                let Some(of_job) = of_job else {
                    return Err(ActionError::internal("a stub's handler ran without a stub"));
                };
                let answer = match answer {
                    Ok(Some(answer)) => answer,
                    Ok(None) => return Err(of_job.used_up(&action)),
                    Err(panic) => {
                        of_job.panicked(&action, &panic_message(panic.as_ref()));
                        std::panic::resume_unwind(panic);
                    }
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
                        let message = "the stub is set to lose this call";
                        Err(of_job.lose(TransportError::new(kind, message)))
                    }
                }
            }
        })
    }
}

/// Passes actions that are not stubbed to another transport, each as a job of its own.
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
            let mut control = call.context.control().clone();
            control.suppress_response = Some(false);
            if let Some(left) = call.context.time_left() {
                control.set_timeout(left);
            }
            let mut action = ActionRequest::new(call.action.clone(), body);
            action.read_text = of_job.reader(&call.action);
            let header = call.context.header().clone();
            let job = JobRequest::new(header, control, vec![action]);
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
                    "the response to a job of one action has no action",
                ))),
            }
        })
    }
}
