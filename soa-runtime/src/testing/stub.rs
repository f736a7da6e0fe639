//! A service made of closures, for the tests of its callers.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::action::{Action, ActionBody};
use crate::client::ClientRequest;
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::message::{Body, Name};
use crate::server::{Handler, Server};
use crate::service::{ActionCall, ActionFuture, run};
use crate::transport::{ClientTransport, LocalTransport, ReplyFuture};

/// A service made of closures. Clones are the same stub, so keep one to ask it for its calls.
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
/// assert_eq!(stub.calls(GREET), [value!({ "name": "Ada" })]);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Stub {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    actions: Vec<(&'static str, Arc<dyn Handler>)>,
    calls: Vec<(Name, Body)>,
}

impl Stub {
    /// A stub that expects no calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers an action. A later handler of the same action replaces an earlier one.
    #[must_use]
    pub fn on<Req, Resp, F>(self, action: Action<Req, Resp>, handler: F) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
        F: Fn(Req) -> Result<Resp, ActionError> + Send + Sync + 'static,
    {
        let handler: Arc<dyn Handler> = Arc::new(Stubbed {
            action,
            handler: Arc::new(handler),
        });
        {
            let mut shared = self.shared();
            shared.actions.retain(|(name, _)| *name != action.name());
            shared.actions.push((action.name(), handler));
        }
        self
    }

    /// The requests of all calls of an action so far, in order.
    ///
    /// # Panics
    /// A request that is not of the action's type: then a test called the action untyped and wrongly.
    #[track_caller]
    pub fn calls<Req, Resp>(&self, action: Action<Req, Resp>) -> Vec<Req> {
        let shared = self.shared();
        let calls = shared.calls.iter();
        calls
            .filter(|(name, _)| name == action.name())
            .map(|(name, body)| match (action.request.decode)(body) {
                Ok(request) => request,
                Err(error) => panic!("a call of `{name}` was not of the action's type: {error}"),
            })
            .collect()
    }

    /// The names of all actions called so far, in order.
    pub fn called(&self) -> Vec<Name> {
        let shared = self.shared();
        shared.calls.iter().map(|(name, _)| name.clone()).collect()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stub as a server, or the first action of the request that it does not have.
    fn server(&self, request: &ClientRequest) -> Result<Server, TransportError> {
        let mut shared = self.shared();
        for action in &request.job.actions {
            shared
                .calls
                .push((action.action.clone(), action.body.clone()));
        }
        let mut builder = Server::untyped(request.service.clone(), "stub");
        for (name, handler) in &shared.actions {
            builder.insert((*name).into(), Arc::clone(handler));
        }
        let known = |name: &Name| shared.actions.iter().any(|(known, _)| name == known);
        if let Some(action) = request.job.actions.iter().find(|call| !known(&call.action)) {
            let message = format!(
                "the stub of service `{}` has no handler for action `{}`; give it one with `.on(…)`",
                request.service, action.action
            );
            let kind = TransportErrorKind::Misconfigured;
            return Err(TransportError::new(kind, message));
        }
        builder.build().map_err(|error| {
            TransportError::new(TransportErrorKind::Misconfigured, error.to_string())
        })
    }
}

impl ClientTransport for Stub {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        match self.server(&request) {
            Ok(server) => LocalTransport::new(server).call(request),
            Err(error) => ReplyFuture::ready(Err(error)),
        }
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        let names: Vec<_> = shared.actions.iter().map(|(name, _)| name).collect();
        f.debug_struct("Stub")
            .field("actions", &names)
            .field("calls", &shared.calls.len())
            .finish()
    }
}

struct Stubbed<Req, Resp, F> {
    action: Action<Req, Resp>,
    handler: Arc<F>,
}

impl<Req, Resp, F> Handler for Stubbed<Req, Resp, F>
where
    Req: ActionBody,
    Resp: ActionBody,
    F: Fn(Req) -> Result<Resp, ActionError> + Send + Sync + 'static,
{
    fn call(&self, call: ActionCall) -> ActionFuture {
        let handler = Arc::clone(&self.handler);
        run(self.action, call, move |request, _cx| async move {
            handler(request)
        })
    }
}
