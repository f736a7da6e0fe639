//! The stub itself.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard};

use super::answer::Answer;
use super::handler::{Answering, OfJob, Passing, ReadAnswer, Reading, Recorded};
use super::record::{Exchange, Record};
use super::state::{StubState, Stubbed, lock};
use crate::action::Action;
use crate::codec::Value;
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;
use crate::message::{Body, JobResponse, Name, ReadText, Variant};
use crate::server::{LocalTransport, Server};
use crate::service::Handler;
use crate::transport::{ClientTransport, ReplyFuture};
use crate::validation::ActionBody;

/// A service made of answers. Clones are the same stub, so keep one for its assertions.
///
/// ```
/// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
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
/// When it is dropped after a call that it had no answer for, or after one of its closures panicked, unless
/// the test has called [`unexpected`](Self::unexpected). In a test that fails already, it prints the message instead.
/// If the last clone is dropped in a task, the panic does not reach the test: keep a clone in the test.
#[derive(Clone, Default)]
pub struct Stub {
    shared: Arc<Mutex<StubState>>,
    /// The transport for actions that the stub does not have. Clones may differ in it.
    otherwise: Option<Arc<dyn ClientTransport>>,
}

impl Stub {
    /// Returns a stub that expects no calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers an action, or the variant of the handle. A later handler replaces an earlier one.
    #[must_use]
    pub fn on<Req, Resp, F>(self, action: Action<Req, Resp>, handler: F) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
        F: Fn(Req) -> Result<Resp, ActionError> + Send + Sync + 'static,
    {
        self.respond(action, move |request| handler(request).into())
    }

    /// Answers an action with answers that may be late, or lost: see [`Answer`].
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::{Answer, Stub};
    /// use soa::{Action, TransportErrorKind, Value};
    ///
    /// const FIND: Action<Value, Value> = Action::new("find");
    /// let unreachable = Stub::new().respond(FIND, |_| Answer::lost(TransportErrorKind::Transient));
    /// ```
    #[must_use]
    pub fn respond<Req, Resp, F>(self, action: Action<Req, Resp>, handler: F) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
        F: Fn(Req) -> Answer<Resp> + Send + Sync + 'static,
    {
        let name = Name::from_static(action.name());
        self.insert(name, action, move |request| Some(handler(request)))
    }

    /// Answers every call of an action with the same answer.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::{Answer, Stub};
    /// use soa::{Action, Value, value};
    ///
    /// const FIND: Action<Value, Value> = Action::new("find");
    /// let stub = Stub::new().always(FIND, Answer::body(value!({ "name": "Ada" })));
    /// ```
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
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::{Answer, Stub};
    /// use soa::{Action, Client, TransportErrorKind, Value, value};
    ///
    /// const FIND: Action<Value, Value> = Action::new("find");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answers = [Answer::lost(TransportErrorKind::Transient), Answer::body(value!({ "n": 1 }))];
    /// let client = Client::builder().service("users", Stub::new().in_turn(FIND, answers)).build()?;
    /// assert!(client.call_action("users", "find", &()).await.is_err());
    /// assert_eq!(client.call_action("users", "find", &()).await?, value!({ "n": 1 }));
    /// # Ok(()) }
    /// ```
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
        let name = Name::from_static(action.name());
        self.insert(name, action, move |_| lock(&answers).next())
    }

    /// Answers an action by name, with untyped bodies.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::Stub;
    /// use soa::{ActionError, value};
    ///
    /// let stub = Stub::new()
    ///     .on_action("find", |_| Ok(value!({ "name": "Ada" })))
    ///     .on_action("remove", |_| Err(ActionError::caller("NOT_FOUND", "No such user")));
    /// ```
    #[must_use]
    pub fn on_action<F>(self, name: impl Into<Name>, handler: F) -> Self
    where
        F: Fn(Value) -> Result<Value, ActionError> + Send + Sync + 'static,
    {
        // The name of the handle is not used: the server knows the action by the other name.
        const ANY: Action<Value, Value> = Action::new("any");
        self.insert(name.into(), ANY, move |request| {
            Some(handler(request).into())
        })
    }

    /// Has the answers of an action read, which are written as text: the function gets an answer, and the reader of a typed
    /// caller. For test plans.
    #[doc(hidden)]
    #[must_use]
    pub fn reading<F>(self, action: &str, read: F) -> Self
    where
        F: Fn(Value, Option<ReadText>) -> Value + Send + Sync + 'static,
    {
        let read: Arc<ReadAnswer> = Arc::new(read);
        let mut shared = self.shared();
        let handlers = shared.handlers.iter_mut();
        for stubbed in handlers.filter(|stubbed| stubbed.action == action) {
            stubbed.handler = Arc::new(Reading {
                handler: Arc::clone(&stubbed.handler),
                read: Arc::clone(&read),
            });
        }
        drop(shared);
        self
    }

    /// Passes actions that the stub does not have to another transport, for example to the real service. They are
    /// recorded like the others. In a job that contains actions of the stub, too, each passed action becomes its own
    /// job.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::Stub;
    /// use soa::{Client, LocalTransport, Server, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = LocalTransport::new(Server::untyped("users", "1.0.0").build()?);
    /// let stub = Stub::new().on_action("find", |_| Ok(value!({}))).otherwise(users);
    /// let client = Client::builder().service("users", stub.clone()).build()?;
    /// client.call_action("users", "find", &()).await?;
    /// client.call_action("users", "status", &()).await?;
    /// assert_eq!(stub.called(), ["find", "status"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn otherwise(self, transport: impl ClientTransport) -> Self {
        self.passing_to(Arc::new(transport))
    }

    pub(super) fn passing_to(mut self, transport: Arc<dyn ClientTransport>) -> Self {
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

    /// Returns the requests of all calls of an action so far, in order; for a variant's handle, those of the variant.
    /// This includes requests that were refused, but not those of a job that ended before them.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::Stub;
    /// use soa::{Action, Client, Value, value};
    ///
    /// const ADD: Action<Value, Value> = Action::new("add");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stub = Stub::new().on(ADD, |_| Ok(value!({})));
    /// let client = Client::builder().service("users", stub.clone()).build()?;
    /// client.call_action("users", "add", &value!({ "name": "Ada" })).await?;
    /// assert_eq!(stub.calls(ADD), [value!({ "name": "Ada" })]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// A request is not of the action's type: the test called the action untyped.
    #[track_caller]
    pub fn calls<Req, Resp>(&self, action: Action<Req, Resp>) -> Vec<Req> {
        let shared = self.shared();
        let records = shared.calls.iter();
        let records = records.filter(|record| record.is_of(action.name(), action.variant));
        let bodies: Vec<Body> = records.map(|record| record.body.clone()).collect();
        drop(shared);
        let mut requests = Vec::new();
        // Not in a closure, as the panic should be reported at the caller.
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

    /// Returns the requests of all calls of an action by name, untyped.
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
    /// There was no call, there were several, or one with another request. All of them are shown.
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

    /// Returns the names of all actions called so far, in order.
    pub fn called(&self) -> Vec<Name> {
        let shared = self.shared();
        let mut calls: Vec<&Record> = shared.calls.iter().collect();
        calls.sort_by_key(|record| record.number);
        calls.iter().map(|record| record.action.clone()).collect()
    }

    /// Returns the requests and answers so far, in order, without calls that had no answer.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::Stub;
    /// use soa::{Client, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stub = Stub::new().on_action("find", |_| Ok(value!({ "name": "Ada" })));
    /// let client = Client::builder().service("users", stub.clone()).build()?;
    /// client.call_action("users", "find", &value!({ "id": 7 })).await?;
    /// assert_eq!(stub.exchanges().len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn exchanges(&self) -> Vec<Exchange> {
        let shared = self.shared();
        shared.calls.iter().filter_map(Record::exchange).collect()
    }

    /// Returns messages about calls without an answer and panics of closures, and clears them: the test then does not
    /// fail because of them.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::Client;
    /// use soa::testing::Stub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stub = Stub::new();
    /// let client = Client::builder().service("users", stub.clone()).build()?;
    /// assert!(client.call_action("users", "find", &()).await.is_err());
    /// assert_eq!(stub.unexpected().len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn unexpected(&self) -> Vec<String> {
        std::mem::take(&mut self.shared().unexpected)
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, StubState> {
        lock(&self.shared)
    }

    /// Returns the transport for a job in which no action is stubbed.
    fn way_on(&self, request: &ClientRequest) -> Option<Arc<dyn ClientTransport>> {
        let transport = self.otherwise.clone()?;
        let shared = self.shared();
        let switches = &request.job.context.switches;
        let mut actions = request.job.actions.iter();
        let is_stubbed = actions.any(|one| shared.handler(&one.action, switches).is_some());
        (!is_stubbed).then_some(transport)
    }

    /// Passes a job on, in the encoding of the transport.
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
                // The later actions of the job were not run.
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

    /// Makes a server for one job. The error names the first action of the job that the stub does not have.
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
                // All calls of one action have the same handler, as switches are those of the job.
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
            // This action was called; the rest of the job is not run.
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

impl ClientTransport for Stub {
    fn call(&self, mut request: ClientRequest) -> ReplyFuture {
        if let Some(transport) = self.way_on(&request) {
            return self.pass_on(&transport, request);
        }
        let server = match self.server(&request) {
            Ok(server) => server,
            Err(error) => return ReplyFuture::ready(Err(error)),
        };
        let of_job = OfJob::new(&request, Arc::clone(&self.shared));
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
        // A second panic would end the process. The message is often the reason for the first.
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
