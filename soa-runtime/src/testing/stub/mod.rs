//! A service made of answers, for the tests of its callers.
//!
//! A [`Stub`] is a transport. For each job that it is sent it makes a server of the handlers that the job needs, so that
//! order, validation, errors and `continue_on_error` are those of a real service:
//!
//! * `handler` runs an [`Answer`], or hands an action on to another transport;
//! * `record` keeps what was asked and answered;
//! * `several` has [`Stubs`], one for each of several services;
//! * `settings` has stubs as data, which stand in a program's settings, too.
//!
//! A call that a stub has no answer for fails. As code under test may hide that, dropping the stub panics, too.

mod answer;
mod handler;
mod record;
mod settings;
mod several;

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use answer::Answer;
pub use record::Exchange;
pub use settings::{StubSettings, StubbedAction, StubbedError};
pub use several::Stubs;

use handler::{Answering, OfJob, Passing};
use record::Record;

use crate::action::{Action, ActionBody};
use crate::client::ClientRequest;
use crate::codec::Value;
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::message::{JobResponse, Name, SwitchSet, Variant};
use crate::server::{Handler, Server};
use crate::transport::{ClientTransport, LocalTransport, ReplyFuture};

/// A service made of answers. Clones are the same stub, so keep one to ask it for its calls.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::testing::Stub;
/// use soa::{Action, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), soa::ClientError> {
/// // A generated client has such handles as constants, and `stubbed(stub)`.
/// const GREET: Action<Value, Value> = Action::new("greet");
///
/// let stub = Stub::new().on(GREET, |_request| Ok(value!({ "text": "hello" })));
/// let client = soa::Client::builder().service("greeter", stub.clone()).build().unwrap();
/// client.call_action("greeter", "greet", &value!({ "name": "Ada" })).await?;
/// stub.called_once_with(GREET, &value!({ "name": "Ada" }));
/// # Ok(()) }
/// ```
///
/// # Panics
/// When it is dropped after a call that it had no answer for, unless the test has asked for [`unexpected`](Self::unexpected)
/// calls, or fails already.
#[derive(Clone, Default)]
pub struct Stub {
    shared: Arc<Mutex<Shared>>,
    /// Where the actions go that it does not have. Stubs before several clients differ in nothing else.
    otherwise: Option<Arc<dyn ClientTransport>>,
}

#[derive(Default)]
struct Shared {
    handlers: Vec<Stubbed>,
    calls: Vec<Record>,
    /// What is wrong with calls that there was no answer for.
    unexpected: Vec<String>,
}

/// The handler of an action, or of one variant of it.
struct Stubbed {
    action: Name,
    variant: Option<&'static Variant>,
    handler: Arc<dyn Handler>,
}

impl Shared {
    fn handler(&self, record: &mut Record) -> Option<Arc<dyn Handler>> {
        let mut handlers = self.handlers.iter();
        let stubbed = handlers.find(|stubbed| record.is_of(&stubbed.action, stubbed.variant))?;
        if let Some(variant) = stubbed.variant {
            record.shown = format!("{}{}", record.action, variant.suffix(variant.switch));
        }
        Some(Arc::clone(&stubbed.handler))
    }

    /// Which variant of an action is missing, where there are others.
    fn hint(&self, action: &Name, switches: &SwitchSet) -> String {
        let variant = self.handlers.iter().find(|other| other.action == *action);
        match variant.and_then(|stubbed| stubbed.variant) {
            Some(variant) => {
                let selected = variant.suffix(variant.select(switches));
                format!(", variant `{action}{selected}`")
            }
            None => String::new(),
        }
    }
}

impl Stub {
    /// A stub that expects no calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers an action, or the variant that the handle is of. A later handler replaces an earlier one.
    #[must_use]
    pub fn on<Req, Resp, F>(self, action: Action<Req, Resp>, handler: F) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
        F: Fn(Req) -> Result<Resp, ActionError> + Send + Sync + 'static,
    {
        self.respond(action, move |request| handler(request).into())
    }

    /// The same with answers that may be late, or lost: see [`Answer`].
    #[must_use]
    pub fn respond<Req, Resp, F>(self, action: Action<Req, Resp>, handler: F) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
        F: Fn(Req) -> Answer<Resp> + Send + Sync + 'static,
    {
        let name = Name::Borrowed(action.name());
        self.insert(name, action, move |request| Some(handler(request)))
    }

    /// Answers every call of an action in the same way.
    #[must_use]
    pub fn always<Req, Resp>(self, action: Action<Req, Resp>, answer: Answer<Resp>) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody + Clone,
    {
        let answer = Mutex::new(answer);
        self.respond(action, move |_| {
            let answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
            answer.clone()
        })
    }

    /// Answers the first call of an action with the first of these, the second with the second, and so on. A call after
    /// the last is unexpected.
    #[must_use]
    pub fn in_turn<Req, Resp>(
        self,
        action: Action<Req, Resp>,
        answers: impl IntoIterator<Item = Answer<Resp>>,
    ) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
    {
        let answers: Vec<Answer<Resp>> = answers.into_iter().collect();
        let answers = Mutex::new(answers.into_iter());
        let name = Name::Borrowed(action.name());
        self.insert(name, action, move |_| {
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.next()
        })
    }

    /// Answers an action by name, with untyped bodies.
    #[must_use]
    pub fn on_action<F>(self, name: impl Into<Name>, handler: F) -> Self
    where
        F: Fn(Value) -> Result<Value, ActionError> + Send + Sync + 'static,
    {
        // The name of the handle is not looked at: the server knows the action by the other.
        const ANY: Action<Value, Value> = Action::new("any");
        self.insert(name.into(), ANY, move |request| {
            Some(handler(request).into())
        })
    }

    /// Hands every action that the stub does not have to the real service, or whatever the transport leads to. It is
    /// recorded like the others.
    #[must_use]
    pub fn otherwise(self, transport: impl ClientTransport) -> Self {
        self.passing_to(Arc::new(transport))
    }

    fn passing_to(mut self, transport: Arc<dyn ClientTransport>) -> Self {
        self.otherwise = Some(transport);
        self
    }

    fn insert<Req, Resp, F>(self, name: Name, action: Action<Req, Resp>, answer: F) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
        F: Fn(Req) -> Option<Answer<Resp>> + Send + Sync + 'static,
    {
        let stubbed = Stubbed {
            action: name,
            variant: action.variant,
            handler: Arc::new(Answering {
                action,
                answer: Arc::new(answer),
            }),
        };
        {
            let switch = |variant: Option<&Variant>| variant.and_then(|variant| variant.switch);
            let mut shared = self.shared();
            shared.handlers.retain(|other| {
                other.action != stubbed.action || switch(other.variant) != switch(stubbed.variant)
            });
            shared.handlers.push(stubbed);
        }
        self
    }

    /// The requests of all calls of an action so far, in order; those of one variant for a variant's handle.
    ///
    /// # Panics
    /// A request that is not of the action's type: then a test called the action untyped and wrongly.
    #[track_caller]
    pub fn calls<Req, Resp>(&self, action: Action<Req, Resp>) -> Vec<Req> {
        let shared = self.shared();
        let calls = shared.calls.iter();
        calls
            .filter(|record| record.is_of(action.name(), action.variant))
            .map(|record| match (action.request.decode)(&record.body) {
                Ok(request) => request,
                Err(error) => {
                    let name = &record.action;
                    panic!("a call of `{name}` was not of the action's type: {error}")
                }
            })
            .collect()
    }

    /// The same by name, without types.
    pub(crate) fn calls_of(&self, action: &str) -> Vec<Value> {
        let shared = self.shared();
        let calls = shared.calls.iter();
        let calls = calls.filter(|record| record.is_of(action, None));
        calls
            .filter_map(|record| record.body.to_value().ok())
            .collect()
    }

    /// Fails the test unless the action was called exactly once, and with this request.
    ///
    /// # Panics
    /// No call, several, or one with another request: all of them are shown.
    #[track_caller]
    pub fn called_once_with<Req: Debug + PartialEq, Resp>(
        &self,
        action: Action<Req, Resp>,
        request: &Req,
    ) {
        let calls = self.calls(action);
        if matches!(calls.as_slice(), [only] if only == request) {
            return;
        }
        let name = action.name();
        let was: String = match calls.as_slice() {
            [] => {
                let others = self.called();
                let others = match others.is_empty() {
                    true => "nothing".to_owned(),
                    false => format!("`{}`", others.join("`, `")),
                };
                format!("but was not called (called: {others})")
            }
            calls => {
                let calls = calls.iter().map(|call| format!("\n    {call:?}"));
                format!("but was called with{}", calls.collect::<String>())
            }
        };
        panic!("`{name}` should have been called once, with\n    {request:?}\n{was}");
    }

    /// The names of all actions called so far, in order.
    pub fn called(&self) -> Vec<Name> {
        let shared = self.shared();
        let calls = shared.calls.iter();
        calls.map(|record| record.action.clone()).collect()
    }

    /// What was asked and answered so far, in order, without calls that were not answered.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let shared = self.shared();
        shared.calls.iter().filter_map(Record::exchange).collect()
    }

    /// What is wrong with the calls that there was no answer for. They are forgotten then: a test that asks does not
    /// fail because of them.
    pub fn unexpected(&self) -> Vec<String> {
        std::mem::take(&mut self.shared().unexpected)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// The stub as a server for one job, and where its records begin; or the first action of the job that it does not
    /// have.
    fn server(&self, request: &ClientRequest) -> Result<(Server, usize), TransportError> {
        let mut shared = self.shared();
        let first = shared.calls.len();
        let mut builder = Server::untyped(request.service.clone(), "stub");
        let mut served: Vec<&Name> = Vec::new();
        let mut missing = None;
        let switches = &request.job.context.switches;
        for action in &request.job.actions {
            let mut record = Record::new(&request.service, action, switches);
            let handler = shared.handler(&mut record).or_else(|| {
                let transport = self.otherwise.clone()?;
                Some(Arc::new(Passing(transport)))
            });
            shared.calls.push(record);
            match handler {
                // Switches are the job's, so all calls of one action have one handler.
                Some(_) if served.contains(&&action.action) => {}
                Some(handler) => {
                    served.push(&action.action);
                    builder.insert(action.action.clone(), handler);
                }
                None => missing = missing.or(Some(&action.action)),
            }
        }
        if let Some(action) = missing {
            let message = format!(
                "the stub of service `{}` has no handler for action `{action}`{}; give it one with `.on(…)`",
                request.service,
                shared.hint(action, switches),
            );
            shared.unexpected.push(message.clone());
            let kind = TransportErrorKind::Misconfigured;
            return Err(TransportError::new(kind, message));
        }
        match builder.build() {
            Ok(server) => Ok((server, first)),
            Err(error) => {
                let kind = TransportErrorKind::Misconfigured;
                Err(TransportError::new(kind, error.to_string()))
            }
        }
    }
}

/// Nothing panics between two changes of the state, so it is whole even when poisoned.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientTransport for Stub {
    fn call(&self, mut request: ClientRequest) -> ReplyFuture {
        let (server, first) = match self.server(&request) {
            Ok(made) => made,
            Err(error) => return ReplyFuture::ready(Err(error)),
        };
        let of_job = OfJob::new(request.service.clone(), Arc::clone(&self.shared));
        request.job.extensions.insert(of_job.clone());
        let reply = LocalTransport::new(server).call(request);
        ReplyFuture::new(async move {
            let response: JobResponse = reply.await?;
            if let Some(error) = of_job.lost() {
                return Err(error);
            }
            let mut shared = lock(&of_job.shared);
            let records = shared.calls.iter_mut().skip(first);
            for (record, answer) in records.zip(&response.actions) {
                record.answer = Some(answer.clone());
            }
            drop(shared);
            Ok(response)
        })
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // A second panic would end the process, and hide the first.
        if std::thread::panicking() {
            return;
        }
        let unexpected = self.shared().unexpected.join("\n");
        assert!(unexpected.is_empty(), "{unexpected}");
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        let handlers = shared.handlers.iter();
        let names: Vec<_> = handlers.map(|stubbed| &stubbed.action).collect();
        f.debug_struct("Stub")
            .field("actions", &names)
            .field("calls", &shared.calls.len())
            .finish()
    }
}
