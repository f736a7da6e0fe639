//! Sending: a prepared call goes through the middleware to the transport.

use std::sync::Arc;

use tracing::Span;

use super::handle::{Client, ClientShared};
use super::observed::Observed;
use super::own_service::OwnReply;
use super::prepare::{CallLimits, PreparedCall};
use super::reply::JobReply;
use super::route::{Callee, Route};
use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::{ClientRequest, Sent};
use crate::message::{ContextHeader, JobRequest, JobResponse, Name};
use crate::observe::meter::CallMeter;
use crate::observe::trace;

/// A prepared call whose span and metrics have begun.
pub(super) struct StartedCall {
    route: Arc<Route>,
    request: ClientRequest,
    limits: CallLimits,
    span: Span,
    meter: Option<CallMeter>,
}

impl StartedCall {
    /// Starts a call: its context gets its place in a trace. The expansions of the call are not looked at.
    pub(super) fn new(callee: Callee, call: PreparedCall, sent: Sent) -> Self {
        let PreparedCall {
            mut job,
            sets_context,
            limits,
            ..
        } = call;
        let Callee { route, descriptor } = callee;
        let span = trace::call(&route.service, &job.actions, &mut job.context);
        let caller = job.context.calling_service.as_ref();
        let meters = route.meters.as_ref();
        let meter = meters.and_then(|meters| meters.call(&job.actions, caller));
        let request = ClientRequest {
            service: route.service.clone(),
            job,
            timeout: limits.timeout,
            descriptor,
            sets_context,
            sent: sent.traced(trace::send(&span, &route.service)),
        };
        Self {
            route,
            request,
            limits,
            span,
            meter,
        }
    }

    /// Returns the context that travels with the call.
    pub(super) fn context(&self) -> &ContextHeader {
        &self.request.job.context
    }

    /// Hands the request to the middleware, or to the transport where there is none.
    ///
    /// # Errors
    /// The request could not be sent.
    pub(super) fn transmit(self, client: &Client) -> Result<Observed, ClientError> {
        let Self {
            route,
            request,
            limits,
            span,
            meter,
        } = self;
        let entered = span.enter();
        let own = client.places.as_ref();
        let own = own.filter(|places| places.belong_to(&route.service));
        // Most calls have no limit of their own, and need the route in one place alone.
        let limited = limits.limit.map(|limit| (limit, Arc::clone(&route)));
        let reply = hand_over(&client.shared, route, request)?;
        let reply = match limited {
            Some((limit, route)) => reply.within(limit, route),
            None => reply,
        };
        let reply = match own {
            Some(places) => JobReply::Boxed(Box::pin(OwnReply::new(reply, Arc::clone(places)))),
            None => reply,
        };
        drop(entered);
        Ok(Observed::new(reply, span, meter))
    }
}

fn hand_over(
    shared: &Arc<ClientShared>,
    route: Arc<Route>,
    request: ClientRequest,
) -> Result<JobReply, ClientError> {
    if shared.middleware.is_empty() && route.middleware.is_empty() {
        return deliver(shared, route, request);
    }
    let (inner, called) = (Arc::clone(shared), route);
    let end = move |request: ClientRequest| -> BoxFuture<_> {
        let route = inner.route_of(&request, &called);
        if route.middleware.is_empty() {
            return delivered(&inner, Arc::clone(route), request);
        }
        let (shared, called) = (Arc::clone(&inner), Arc::clone(route));
        route.middleware.run(request, move |request| {
            let route = Arc::clone(shared.route_of(&request, &called));
            delivered(&shared, route, request)
        })
    };
    Ok(JobReply::Boxed(shared.middleware.run(request, end)))
}

/// Hands a request to its transport.
fn deliver(
    shared: &ClientShared,
    route: Arc<Route>,
    request: ClientRequest,
) -> Result<JobReply, ClientError> {
    let Some(transport) = &route.transport else {
        let mut known: Vec<String> = shared.routes.keys().map(ToString::to_string).collect();
        known.sort();
        return Err(ClientError::unknown_service(&request.service, known));
    };
    // Here and not earlier, as middleware may change the switches.
    check_variants(&request.service, &request.job)?;
    let mut actions = request.job.actions.iter();
    if actions.any(|action| action.is_positional) && !transport.takes_positions() {
        let message = "this service cannot be called by positions: give the arguments by name";
        return Err(ClientError::usage(&request.service, message));
    }
    // A default of the transport applies to each of its calls, also where middleware makes several.
    let default = match request.timeout {
        Some(_) => None,
        None => transport.default_timeout(),
    };
    let reply = transport.call(request);
    Ok(match default {
        None => JobReply::Plain { reply, route },
        Some(limit) => {
            let limited = Arc::clone(&route);
            JobReply::Plain { reply, route }.within(limit, limited)
        }
    })
}

/// Hands a request to its transport; an error is the outcome of the future.
fn delivered(
    shared: &ClientShared,
    route: Arc<Route>,
    request: ClientRequest,
) -> BoxFuture<Result<JobResponse, ClientError>> {
    match deliver(shared, route, request) {
        Ok(reply) => Box::pin(reply),
        Err(error) => Box::pin(std::future::ready(Err(error))),
    }
}

/// Checks that the switches select each variant that is called.
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
