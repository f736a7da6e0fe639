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

use handler::{Answering, OfJob, Passing, Recorded};
use record::{Record, is_selected};

use crate::action::Action;
use crate::codec::Value;
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;
use crate::message::{Body, JobResponse, Name, SwitchSet, Variant};
use crate::server::{LocalTransport, Server};
use crate::service::Handler;
use crate::transport::{ClientTransport, ReplyFuture};
use crate::validation::ActionBody;

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
/// When it is dropped after a call that it had no answer for, or after one of its closures has panicked, unless the test has
/// asked for what was [`unexpected`](Self::unexpected). In a test that fails already, it prints that. Where the last clone
/// is dropped in a task, the test hears nothing of the panic: keep one in the test.
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
    /// Calls that there was no answer for, and closures that panicked.
    unexpected: Vec<String>,
}

/// The handler of an action, or of one variant of it.
struct Stubbed {
    action: Name,
    variant: Option<&'static Variant>,
    handler: Arc<dyn Handler>,
}

impl Shared {
    /// What answers an action under these switches, and how that is called in `introspect`.
    fn handler(&self, action: &Name, switches: &SwitchSet) -> Option<(Arc<dyn Handler>, String)> {
        let mut handlers = self.handlers.iter();
        let stubbed = handlers
            .find(|stubbed| stubbed.action == *action && is_selected(stubbed.variant, switches))?;
        let shown = match stubbed.variant {
            Some(variant) => format!("{action}{}", variant.suffix(variant.switch)),
            None => action.to_string(),
        };
        Some((Arc::clone(&stubbed.handler), shown))
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
        self.respond(action, move |_| lock(&answer).clone())
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
        self.insert(name, action, move |_| lock(&answers).next())
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
    /// recorded like the others. In a job with actions that the stub does have, each of the others is a job of its own there.
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
        let switch = |variant: Option<&Variant>| variant.and_then(|variant| variant.switch);
        let is_replaced = |other: &mut Stubbed| {
            other.action == stubbed.action && switch(other.variant) == switch(stubbed.variant)
        };
        let mut shared = self.shared();
        let replaced: Vec<Stubbed> = shared.handlers.extract_if(.., is_replaced).collect();
        shared.handlers.push(stubbed);
        drop(shared);
        // A closure may hold this stub.
        drop(replaced);
        self
    }

    /// The requests of all calls of an action so far, in order; those of one variant for a variant's handle. Requests that
    /// were refused are among them, but not those of a job that ended before them.
    ///
    /// # Panics
    /// A request that is not of the action's type: then a test called the action untyped and wrongly.
    #[track_caller]
    pub fn calls<Req, Resp>(&self, action: Action<Req, Resp>) -> Vec<Req> {
        let shared = self.shared();
        let records = shared.calls.iter();
        let records = records.filter(|record| record.is_of(action.name(), action.variant));
        let bodies: Vec<Body> = records.map(|record| record.body.clone()).collect();
        drop(shared);
        let mut requests = Vec::new();
        // No closure: the place of its panic would be here.
        for body in bodies {
            match (action.request.decode)(&body) {
                Ok(request) => requests.push(request),
                Err(error) => {
                    let name = action.name();
                    panic!("a call of `{name}` was not of the action's type: {error}")
                }
            }
        }
        requests
    }

    /// The same by name, without types.
    #[doc(hidden)]
    pub fn calls_of(&self, action: &str) -> Vec<Value> {
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
        let mut calls: Vec<&Record> = shared.calls.iter().collect();
        calls.sort_by_key(|record| record.number);
        calls.iter().map(|record| record.action.clone()).collect()
    }

    /// What was asked and answered so far, in order, without calls that were not answered.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let shared = self.shared();
        shared.calls.iter().filter_map(Record::exchange).collect()
    }

    /// What is wrong with the calls that there was no answer for, and which closures have panicked. They are forgotten then:
    /// a test that asks does not fail because of them.
    pub fn unexpected(&self) -> Vec<String> {
        std::mem::take(&mut self.shared().unexpected)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// Where a job goes of which nothing is stubbed.
    fn way_on(&self, request: &ClientRequest) -> Option<Arc<dyn ClientTransport>> {
        let transport = self.otherwise.clone()?;
        let shared = self.shared();
        let switches = &request.job.context.switches;
        let mut actions = request.job.actions.iter();
        let is_stubbed = actions.any(|one| shared.handler(&one.action, switches).is_some());
        (!is_stubbed).then_some(transport)
    }

    /// The job as it is, but in the encoding of the transport.
    fn pass_on(
        &self,
        transport: &Arc<dyn ClientTransport>,
        mut request: ClientRequest,
    ) -> ReplyFuture {
        let (own, other) = (self.encoding(), transport.encoding());
        let switches = &request.job.context.switches;
        let actions = request.job.actions.iter();
        let mut records: Vec<Record> = actions
            .map(|one| Record::new(&request.service, one, switches, one.action.to_string()))
            .collect();
        for action in &mut request.job.actions {
            action.body = action.body.transcoded(other);
        }
        let reply = transport.call(request);
        let shared = Arc::clone(&self.shared);
        ReplyFuture::new(async move {
            let mut response = reply.await;
            if let Ok(response) = &mut response {
                // The others of the job were not run.
                records.truncate(response.actions.len());
                for (record, action) in records.iter_mut().zip(&mut response.actions) {
                    action.body = action.body.transcoded(own);
                    record.answer = Some(action.clone());
                }
            }
            lock(&shared).calls.extend(records);
            response
        })
    }

    /// The stub as a server for one job; or the first action of the job that it does not have.
    fn server(&self, request: &ClientRequest) -> Result<Server, TransportError> {
        let mut shared = self.shared();
        let mut builder = Server::untyped(request.service.clone(), "stub");
        let mut served: Vec<&Name> = Vec::new();
        let mut missing = None;
        let switches = &request.job.context.switches;
        for action in &request.job.actions {
            let name = &action.action;
            let found = shared.handler(name, switches).or_else(|| {
                let passing: Arc<dyn Handler> = Arc::new(Passing(self.otherwise.clone()?));
                Some((passing, name.to_string()))
            });
            match found {
                // Switches are the job's, so all calls of one action have one handler.
                Some(_) if served.contains(&name) => {}
                Some((handler, shown)) => {
                    served.push(name);
                    builder.insert(name.clone(), Arc::new(Recorded { handler, shown }));
                }
                None => missing = missing.or(Some(action)),
            }
        }
        if let Some(action) = missing {
            let name = &action.action;
            let message = format!(
                "the stub of service `{}` has no handler for action `{name}`{}; give it one with `.on(…)`",
                request.service,
                shared.hint(name, switches),
            );
            // It was asked, and nothing else of the job.
            let shown = name.to_string();
            let record = Record::new(&request.service, action, switches, shown);
            shared.calls.push(record);
            shared.unexpected.push(message.clone());
            let kind = TransportErrorKind::Misconfigured;
            return Err(TransportError::new(kind, message));
        }
        builder.build().map_err(|error| {
            TransportError::new(TransportErrorKind::Misconfigured, error.to_string())
        })
    }
}

/// Nothing panics between two changes of the state, so it is whole even when poisoned.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientTransport for Stub {
    fn call(&self, mut request: ClientRequest) -> ReplyFuture {
        if let Some(transport) = self.way_on(&request) {
            return self.pass_on(&transport, request);
        }
        let server = match self.server(&request) {
            Ok(server) => server,
            Err(error) => return ReplyFuture::ready(Err(error)),
        };
        let of_job = OfJob::new(request.service.clone(), Arc::clone(&self.shared));
        request.job.extensions.insert(of_job.clone());
        let reply = LocalTransport::new(server).call(request);
        ReplyFuture::new(async move {
            let response: JobResponse = reply.await?;
            match of_job.lost() {
                Some(error) => Err(error),
                None => {
                    of_job.answered(&response.actions);
                    Ok(response)
                }
            }
        })
    }
}

impl Drop for Stub {
    #[allow(clippy::print_stderr)] // The output of a test is where it is looked for.
    fn drop(&mut self) {
        let mut shared = self.shared();
        let unexpected = shared.unexpected.join("\n");
        // A second panic would end the process. What is told here is often the reason for the first.
        if std::thread::panicking() {
            shared.unexpected.clear();
            if !unexpected.is_empty() {
                eprintln!("{unexpected}");
            }
            return;
        }
        drop(shared);
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
