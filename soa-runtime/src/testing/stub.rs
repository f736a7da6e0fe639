//! A service made of closures, for the tests of its callers.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::action::{Action, ActionBody};
use crate::client::ClientRequest;
use crate::error::{ActionError, TransportError, TransportErrorKind};
use crate::message::{Body, Name, SwitchSet, Variant};
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
    handlers: Vec<Stubbed>,
    calls: Vec<(Body, Called)>,
}

/// The handler of an action, or of one variant of it.
struct Stubbed {
    action: &'static str,
    variant: Option<&'static Variant>,
    handler: Arc<dyn Handler>,
}

/// An action as it was called: the switches select its variant.
struct Called {
    action: Name,
    switches: SwitchSet,
}

impl Shared {
    fn handler(&self, called: &Called) -> Option<Arc<dyn Handler>> {
        let mut handlers = self.handlers.iter();
        let stubbed = handlers.find(|stubbed| called.is_of(stubbed.action, stubbed.variant))?;
        Some(Arc::clone(&stubbed.handler))
    }

    /// Which variant of an action is missing, where there are others.
    fn hint(&self, action: &Name, switches: &SwitchSet) -> String {
        let variant = self.handlers.iter().find(|other| other.action == action);
        match variant.and_then(|stubbed| stubbed.variant) {
            Some(variant) => {
                let selected = variant.suffix(variant.select(switches));
                format!(", variant `{action}{selected}`")
            }
            None => String::new(),
        }
    }
}

impl Called {
    fn is_of(&self, action: &str, variant: Option<&Variant>) -> bool {
        self.action == action
            && variant.is_none_or(|variant| variant.select(&self.switches) == variant.switch)
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
        let stubbed = Stubbed {
            action: action.name(),
            variant: action.variant,
            handler: Arc::new(Closure {
                action,
                handler: Arc::new(handler),
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
            .filter(|(_, called)| called.is_of(action.name(), action.variant))
            .map(|(body, called)| match (action.request.decode)(body) {
                Ok(request) => request,
                Err(error) => {
                    let name = &called.action;
                    panic!("a call of `{name}` was not of the action's type: {error}")
                }
            })
            .collect()
    }

    /// The names of all actions called so far, in order.
    pub fn called(&self) -> Vec<Name> {
        let shared = self.shared();
        let calls = shared.calls.iter();
        calls.map(|(_, called)| called.action.clone()).collect()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stub as a server for one job, or the first action of the job that it does not have.
    fn server(&self, request: &ClientRequest) -> Result<Server, TransportError> {
        let mut shared = self.shared();
        let mut builder = Server::untyped(request.service.clone(), "stub");
        let mut served: Vec<&Name> = Vec::new();
        let mut missing = None;
        for action in &request.job.actions {
            let called = Called {
                action: action.action.clone(),
                switches: request.job.context.switches.clone(),
            };
            let handler = shared.handler(&called);
            shared.calls.push((action.body.clone(), called));
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
                shared.hint(action, &request.job.context.switches),
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
        let names: Vec<_> = shared
            .handlers
            .iter()
            .map(|stubbed| stubbed.action)
            .collect();
        f.debug_struct("Stub")
            .field("actions", &names)
            .field("calls", &shared.calls.len())
            .finish()
    }
}

struct Closure<Req, Resp, F> {
    action: Action<Req, Resp>,
    handler: Arc<F>,
}

impl<Req, Resp, F> Handler for Closure<Req, Resp, F>
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
