//! Clients: routes to services, and the forms in which their actions are called.
//!
//! A [`Client`] knows a [`ClientTransport`] for each service that it may call, middleware, and a base
//! context. It is cheap to clone and shares everything. Generated typed clients stand in front of it
//! ([`TypedClient`]); each of their methods makes a [`Call`], which does nothing until it is awaited,
//! sent, or put into a job:
//!
//! * one action: `example.square(request).await`, with options `.timeout(…).await`;
//! * one job of several actions: `client.job((a, b)).await`, a tuple or a vector;
//! * many jobs, for many services, at once: `client.parallel([a, b]).await`;
//! * now sent, later collected: `let pending = call.send().await?; … pending.await?`;
//! * sent, and no answer wanted: `call.send_and_forget().await`;
//! * many sent, the answers as they come: [`Outstanding`];
//! * untyped: `client.call_action("example", "square", body).await`, and all of the above with it.
//!
//! Objects that a response names by their identifiers are fetched from other services by expansions
//! ([`Expansions`], [`Expand`]).

mod builder;
mod call;
mod expansion;
mod form;
mod introspection;
mod job;
mod observed;
mod options;
mod outstanding;
mod parallel;
mod pending;
mod typed;

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

pub use builder::ClientBuilder;
pub use call::{Call, CallWithOptions};
pub use expansion::{
    Expand, Expanded, Expansion, ExpansionDestination, ExpansionRoute, ExpansionSource, Expansions,
    FoundObjects,
};
#[doc(hidden)]
pub use expansion::{Finder, Visit};
pub use form::Form;
pub use job::{Actions, All, Each, JobCall, Mode, Responses};
pub(crate) use observed::Observed;
pub use options::CallOptions;
pub use outstanding::{Outstanding, RequestId};
pub use parallel::{Gather, Parallel, ParallelCall};
pub use pending::Pending;
pub use typed::{ServiceClient, TypedClient};

use expansion::Expanding;

use crate::BoxFuture;
use crate::codec::{Encoding, Value};
use crate::error::ClientError;
pub use crate::exchange::{ClientRequest, Sent};
use crate::exchange::{ClientStage, has_failed, is_past};
use crate::message::{
    ActionRequest, Body, ContextHeader, Control, JobRequest, JobResponse, Name, Switch,
};
use crate::observe::meter::RouteMeters;
use crate::observe::trace;
use crate::stack::{Stack, StackBuilder};
use crate::transport::{ClientTransport, ReplyFuture};

/// Calls services. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// What every call starts from. An empty correlation id stands for none yet.
    base: Arc<ContextHeader>,
    /// When the job that makes the calls has to be done.
    deadline: Option<Instant>,
}

struct Shared {
    routes: HashMap<Name, Arc<Route>>,
    middleware: Stack<ClientStage>,
    expansions: Expansions,
}

impl Shared {
    /// How a request goes on. Middleware may send it to another service than it was made for.
    fn route_of<'a>(&'a self, request: &ClientRequest, called: &'a Arc<Route>) -> &'a Arc<Route> {
        self.routes.get(&request.service).unwrap_or(called)
    }
}

/// A service and how it is reached. Typed clients keep theirs, so that a call looks nothing up.
pub(crate) struct Route {
    pub(crate) service: Name,
    /// `None` for a service that this client does not know: its calls say so.
    transport: Option<Arc<dyn ClientTransport>>,
    /// There as the transport is.
    meters: Option<RouteMeters>,
    /// What stands around calls of this service alone, inside of what stands around all.
    middleware: Stack<ClientStage>,
}

impl Route {
    pub(crate) fn encoding(&self) -> Encoding {
        let transport = self.transport.as_ref();
        transport.map_or(Encoding::MessagePack, |transport| transport.encoding())
    }
}

impl Client {
    /// A client without routes yet.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The same client for a chain: every call inherits this context.
    #[must_use]
    pub fn inheriting(&self, context: ContextHeader) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            base: Arc::new(context),
            deadline: self.deadline,
        }
    }

    /// The same client, whose calls have to be done at this time, too.
    pub(crate) fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline.into_iter().chain(self.deadline).min();
        self
    }

    /// The same client, whose calls of these services go elsewhere.
    pub(crate) fn rerouted(
        &self,
        routes: impl IntoIterator<Item = (Name, Arc<dyn ClientTransport>)>,
    ) -> Self {
        let mut known = self.shared.routes.clone();
        for (service, transport) in routes {
            let before = known.get(&service);
            let route = Route {
                service: service.clone(),
                transport: Some(transport),
                middleware: before.map_or_else(
                    || StackBuilder::new().build(),
                    |route| route.middleware.clone(),
                ),
                meters: Some(RouteMeters::new(&service)),
            };
            known.insert(service, Arc::new(route));
        }
        let shared = Shared {
            routes: known,
            middleware: self.shared.middleware.clone(),
            expansions: self.shared.expansions.clone(),
        };
        Self {
            shared: Arc::new(shared),
            base: Arc::clone(&self.base),
            deadline: self.deadline,
        }
    }

    /// Where the calls of a service go.
    pub(crate) fn transport(&self, service: &str) -> Option<Arc<dyn ClientTransport>> {
        self.shared.routes.get(service)?.transport.clone()
    }

    /// The context that every call starts from.
    pub fn base_context(&self) -> &ContextHeader {
        &self.base
    }

    /// The names of the services that this client has routes to, sorted.
    pub fn services(&self) -> impl Iterator<Item = &Name> {
        let mut names: Vec<&Name> = self.shared.routes.keys().collect();
        names.sort();
        names.into_iter()
    }

    /// Several actions of one service as one job: a tuple of calls, or a vector.
    ///
    /// The result is a tuple or a vector of responses, in order. The first action that fails ends the
    /// job and is the error; see [`JobCall::continue_on_error`] for the alternative.
    ///
    /// A call with options is not accepted: options are the job's. The context and the middleware are those of
    /// the client that made the first call, so that a chain is not lost.
    ///
    /// ```compile_fail
    /// # use soa_runtime as soa;
    /// # use std::time::Duration;
    /// # fn example(client: soa::Client, call: impl Fn() -> soa::Call<soa::Value>) {
    /// client.job((call(), call().timeout(Duration::from_secs(1))));
    /// # }
    /// ```
    pub fn job<A: Actions>(&self, actions: A) -> JobCall<A> {
        JobCall::new(self.clone(), actions)
    }

    /// Many jobs, for one or many services, sent at once; the results come in the order of the calls.
    ///
    /// Takes a vector or an array of calls of one kind, or a tuple of different ones. All of them are
    /// waited for; the error of the first that failed is the error of the whole. See [`ParallelCall::each`] for the
    /// outcome of each in its place. The options are those of each call.
    pub fn parallel<P: Parallel>(&self, calls: P) -> ParallelCall<P> {
        ParallelCall::new(calls)
    }

    /// One action of a service by name, with an untyped response.
    ///
    /// The body is anything that serializes to a map: a [`Value`], a struct, `()` for `{}`.
    pub fn call_action<B: Serialize + ?Sized>(
        &self,
        service: impl Into<Name>,
        action: impl Into<Name>,
        body: &B,
    ) -> Call<Value> {
        let route = self.route(service.into());
        let body = Body::encode(route.encoding(), body);
        Call::new(
            self.clone(),
            route,
            ActionRequest::new(action, body),
            Body::decode,
        )
    }

    /// Several actions of a service by name; the result is the whole job response, in which errors of the
    /// job and of actions are data.
    pub fn call_job(
        &self,
        service: impl Into<Name>,
        actions: impl IntoIterator<Item = (Name, Value)>,
    ) -> JobCall<Responses> {
        let route = self.route(service.into());
        let encoding = route.encoding();
        let actions = actions
            .into_iter()
            .map(|(action, body)| ActionRequest::new(action, Body::encode(encoding, &body)))
            .collect();
        JobCall::new(self.clone(), Responses::new(route, actions))
            .with(|options| options.returns_errors = true)
    }

    /// How a service is reached.
    pub(crate) fn route(&self, service: Name) -> Arc<Route> {
        match self.shared.routes.get(&service) {
            Some(route) => Arc::clone(route),
            None => Arc::new(Route {
                service,
                transport: None,
                meters: None,
                middleware: StackBuilder::new().build(),
            }),
        }
    }

    /// Sends a job, through middleware and transport.
    pub(crate) fn dispatch(
        &self,
        route: Arc<Route>,
        mut actions: Vec<ActionRequest>,
        options: Option<Box<CallOptions>>,
        sent: Sent,
    ) -> Result<Observed, ClientError> {
        for request in &actions {
            if let Err(error) = request.body.bytes() {
                let action = request.action.clone();
                return Err(ClientError::encode(
                    &route.service,
                    action,
                    Arc::clone(error),
                ));
            }
        }
        let mut context = (*self.base).clone();
        let mut control = Control::default();
        control.suppress_response = Some(false);
        let mut timeout = None;
        let mut is_forgotten = false;
        let mut expanding = None;
        if let Some(mut options) = options {
            timeout = options.timeout;
            for request in &mut actions {
                request.is_repeatable |= options.is_idempotent;
            }
            is_forgotten = options.is_forgotten;
            // Nobody is there to get what would be fetched.
            if !is_forgotten {
                expanding = Expanding::new(self, &route.service, &mut options)?;
            }
            options
                .apply(&mut context, &mut control)
                .map_err(|problem| ClientError::usage(&route.service, problem))?;
        }
        // How long all of it may take, sending alone where nobody waits for more.
        let mut limit = timeout;
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ClientError::timeout(&route.service, Duration::ZERO, None));
            }
            let usual = route.transport.as_ref();
            let usual = timeout.or_else(|| usual.and_then(|transport| transport.default_timeout()));
            let left = usual.map_or(left, |usual| usual.min(left));
            limit = Some(left);
            if !is_forgotten {
                timeout = limit;
                control.set_timeout(left);
            }
        }
        for switch in switches_of(&actions) {
            context.switches = context.switches.with(switch);
        }
        if context.correlation_id.is_empty() {
            context.correlation_id = ContextHeader::fresh_correlation_id();
        }
        let span = trace::call(&route.service, &actions, &mut context);
        // The calls of expansions are this call's in its trace, too.
        let expander = expanding.and_then(|expanding| expanding.within(self, &context));
        let caller = context.calling_service.as_ref();
        let meters = route.meters.as_ref();
        let meter = meters.map(|meters| meters.call(&actions, caller));
        let sent = sent.traced(trace::send(&span, &route.service));
        let entered = span.enter();
        let request = ClientRequest {
            service: route.service.clone(),
            job: JobRequest::new(context, control, actions),
            timeout,
            sent,
        };
        let dispatched = self.transmit(&route, request, limit)?;
        let dispatched = match expander {
            None => dispatched,
            Some(expander) => {
                let expanded = async move { expander.run(&route.service, dispatched.await?).await };
                Dispatched::Boxed(Box::pin(expanded))
            }
        };
        drop(entered);
        Ok(Observed::new(dispatched, span, meter))
    }

    /// Hands a request to the middleware, or to the transport where there is none, and waits within the limit.
    fn transmit(
        &self,
        route: &Arc<Route>,
        request: ClientRequest,
        limit: Option<Duration>,
    ) -> Result<Dispatched, ClientError> {
        if self.shared.middleware.is_empty() && route.middleware.is_empty() {
            let dispatched = deliver(&self.shared, route, request)?;
            return Ok(within(limit, Arc::clone(route), dispatched));
        }
        let (shared, called) = (Arc::clone(&self.shared), Arc::clone(route));
        let end = move |request: ClientRequest| -> BoxFuture<_> {
            let route = shared.route_of(&request, &called);
            if route.middleware.is_empty() {
                return delivered(&shared, route, request);
            }
            let (shared, called) = (Arc::clone(&shared), Arc::clone(route));
            route.middleware.run(request, move |request| {
                delivered(&shared, shared.route_of(&request, &called), request)
            })
        };
        let run = self.shared.middleware.run(request, end);
        Ok(within(limit, Arc::clone(route), Dispatched::Boxed(run)))
    }

    /// Sends a job that nobody waits for.
    fn forget(
        &self,
        route: Arc<Route>,
        actions: Vec<ActionRequest>,
        mut options: Box<CallOptions>,
    ) -> BoxFuture<Result<(), ClientError>> {
        options.is_forgotten = true;
        let service = route.service.clone();
        match self.dispatch(route, actions, Some(options), Sent::unwatched()) {
            Ok(dispatched) => Box::pin(async move {
                // Middleware may have answered it.
                let response = dispatched.await?;
                call::Outcomes::new(&service, response).map(drop)
            }),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// The switches of the variants that are called.
fn switches_of(actions: &[ActionRequest]) -> impl Iterator<Item = Switch> {
    actions.iter().filter_map(|request| request.variant?.switch)
}

/// Checks that each variant that is called is the one that will answer.
fn check_variants(service: &Name, job: &JobRequest) -> Result<(), ClientError> {
    let switches = &job.context.switches;
    for request in &job.actions {
        if let Some(variant) = request.variant
            && variant.select(switches) != variant.switch
        {
            let action = &request.action;
            return Err(ClientError::variant_mismatch(
                service, action, variant, switches,
            ));
        }
    }
    Ok(())
}

/// Puts a limit on how long all of it may take: the transport, and the middleware before and after it.
fn within(timeout: Option<Duration>, route: Arc<Route>, dispatched: Dispatched) -> Dispatched {
    let Some(timeout) = timeout else {
        return dispatched;
    };
    Dispatched::Boxed(Box::pin(async move {
        let end = Instant::now().checked_add(timeout);
        match tokio::time::timeout(timeout, dispatched).await {
            // The service knows how long this caller waits, and gives up at the same moment.
            Ok(Ok(response)) if has_failed(&response) && is_past(end) => {
                Err(ClientError::timeout(&route.service, timeout, None))
            }
            Ok(response) => response,
            Err(_) => {
                let transport = route.transport.as_ref();
                let trouble = transport.and_then(|transport| transport.trouble(timeout));
                Err(ClientError::timeout(&route.service, timeout, trouble))
            }
        }
    }))
}

fn deliver(
    shared: &Shared,
    route: &Arc<Route>,
    request: ClientRequest,
) -> Result<Dispatched, ClientError> {
    let Some(transport) = &route.transport else {
        let mut known: Vec<String> = shared.routes.keys().map(ToString::to_string).collect();
        known.sort();
        return Err(ClientError::unknown_service(&request.service, known));
    };
    // Here and not earlier, as middleware may change the switches.
    check_variants(&request.service, &request.job)?;
    // A default of the transport's is for each of its calls, also where middleware makes several.
    let default = match request.timeout {
        Some(_) => None,
        None => transport.default_timeout(),
    };
    let dispatched = Dispatched::Plain {
        reply: transport.call(request),
        route: Arc::clone(route),
    };
    Ok(within(default, Arc::clone(route), dispatched))
}

/// The outcome of a request that is handed to its transport.
fn delivered(
    shared: &Shared,
    route: &Arc<Route>,
    request: ClientRequest,
) -> BoxFuture<Result<JobResponse, ClientError>> {
    match deliver(shared, route, request) {
        Ok(dispatched) => Box::pin(dispatched),
        Err(error) => Box::pin(std::future::ready(Err(error))),
    }
}

/// A job that was handed to its transport, or to the middleware before it.
pub(crate) enum Dispatched {
    /// The usual case, which needs no further box.
    Plain {
        reply: ReplyFuture,
        route: Arc<Route>,
    },
    Boxed(BoxFuture<Result<JobResponse, ClientError>>),
}

impl Future for Dispatched {
    type Output = Result<JobResponse, ClientError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Plain { reply, route } => Pin::new(reply)
                .poll(cx)
                .map_err(|error| ClientError::transport(&route.service, error)),
            Self::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut services: Vec<_> = self.shared.routes.keys().collect();
        services.sort();
        f.debug_struct("Client")
            .field("services", &services)
            .field("middleware", &self.shared.middleware.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.service).finish()
    }
}
