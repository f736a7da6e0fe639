//! The preparation of a call: everything that is decided before it is sent.
//!
//! [`prepare`] is pure. It gets the route, the actions, the options, and the facts about the client and the time that
//! matter ([`CallOrigin`]), and returns the job, its time limits and its expansions ([`PreparedCall`]), or the error of
//! a call that cannot be sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::handle::Client;
use super::options::CallOptions;
use super::route::Route;
use super::scope::ScopeSlot;
use crate::codec::Value;
use crate::error::ClientError;
use crate::expansion::{Expansions, Plan};
use crate::message::{ActionRequest, ContextHeader, Control, JobRequest, Name};

#[cfg(test)]
mod tests;

/// The facts about a client, and the present time, on which its calls depend.
pub(super) struct CallOrigin<'a> {
    /// The context that every call starts from.
    pub(super) base: &'a ContextHeader,
    /// The deadline of the job that makes the call.
    pub(super) deadline: Option<Instant>,
    /// The configured expansions.
    pub(super) expansions: &'a Expansions,
    /// The present time, for calls that depend on it.
    pub(super) now: &'a dyn Fn() -> Instant,
}

/// A call that is ready to be sent.
#[derive(Debug)]
pub(super) struct PreparedCall {
    pub(super) job: JobRequest,
    /// True if the call itself sets switches or values of its context, or calls a variant.
    pub(super) sets_context: bool,
    pub(super) limits: CallLimits,
    /// `None` where nothing is to be expanded.
    pub(super) expansion: Option<PreparedExpansion>,
}

/// The time limits of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CallLimits {
    /// The time that the transport and the server are told. Of a call without a response, this is the time that the
    /// request may wait in the queue.
    pub(super) timeout: Option<Duration>,
    /// The time after which the caller gives up, middleware included. Of a call without a response, this limits the
    /// sending alone.
    pub(super) limit: Option<Duration>,
}

/// The expansions of a call before it is sent.
#[derive(Debug)]
pub(super) struct PreparedExpansion {
    /// The expansions of bodies.
    pub(super) plan: Option<Plan>,
    /// Takes the scope of the call, for expansions of its typed response.
    pub(super) slot: Option<ScopeSlot>,
    /// The values that the caller put into the control header.
    pub(super) control: Vec<(String, Value)>,
    /// The end of the call's own timeout.
    pub(super) deadline: Option<Instant>,
    /// True if bodies are of use beside errors of other actions.
    pub(super) returns_errors: bool,
}

impl Client {
    /// Prepares a call that this client sends now.
    ///
    /// # Errors
    /// See [`prepare`].
    pub(super) fn prepare(
        &self,
        route: &Route,
        actions: Vec<ActionRequest>,
        options: Option<Box<CallOptions>>,
    ) -> Result<PreparedCall, ClientError> {
        let origin = CallOrigin {
            base: &self.base,
            deadline: self.deadline,
            expansions: &self.shared.expansions,
            now: &Instant::now,
        };
        prepare(&origin, route, actions, options)
    }
}

/// Prepares a call.
///
/// # Errors
/// A body could not be encoded; an expansion is not configured; an option is wrong; the deadline of the job that makes
/// the call has passed.
pub(super) fn prepare(
    origin: &CallOrigin<'_>,
    route: &Route,
    mut actions: Vec<ActionRequest>,
    options: Option<Box<CallOptions>>,
) -> Result<PreparedCall, ClientError> {
    let service = &route.service;
    check_bodies(service, &actions)?;
    let mut context = origin.base.clone();
    let mut control = Control::default();
    control.suppress_response = Some(false);
    let (mut timeout, mut is_forgotten, mut expansion) = (None, false, None);
    let mut sets_context = false;
    if let Some(mut options) = options {
        timeout = options.timeout;
        is_forgotten = options.is_forgotten;
        sets_context = options.sets_context();
        for request in &mut actions {
            request.is_repeatable |= options.is_idempotent;
        }
        expansion = expansion_of(origin, service, &mut options)?;
        options
            .apply(&mut context, &mut control)
            .map_err(|problem| ClientError::usage(service, problem))?;
    }
    let left = origin.time_left(service)?;
    let limits = CallLimits::new(timeout, route, left, is_forgotten);
    if let Some(timeout) = limits.timeout {
        control.set_timeout(timeout);
    }
    for switch in actions.iter().filter_map(|request| request.variant?.switch) {
        context.switches = context.switches.with(switch);
        sets_context = true;
    }
    if context.correlation_id.is_empty() {
        context.correlation_id = ContextHeader::fresh_correlation_id();
    }
    Ok(PreparedCall {
        job: JobRequest::new(context, control, actions),
        sets_context,
        limits,
        expansion,
    })
}

fn check_bodies(service: &Name, actions: &[ActionRequest]) -> Result<(), ClientError> {
    for request in actions {
        if let Err(error) = request.body.bytes() {
            let action = request.action.clone();
            return Err(ClientError::encode(service, action, Arc::clone(error)));
        }
    }
    Ok(())
}

/// Takes the expansions out of the options, if there are any.
fn expansion_of(
    origin: &CallOrigin<'_>,
    service: &Name,
    options: &mut CallOptions,
) -> Result<Option<PreparedExpansion>, ClientError> {
    let requested = std::mem::take(&mut options.expansions);
    let slot = options.scope_slot.take();
    // Without a response there is nothing to expand.
    if options.is_forgotten || requested.is_empty() && slot.is_none() {
        return Ok(None);
    }
    let plan = match requested.is_empty() {
        true => None,
        false => {
            let plan = Plan::new(origin.expansions, &requested);
            Some(plan.map_err(|problem| ClientError::usage(service, problem))?)
        }
    };
    let end = |timeout| (origin.now)().checked_add(timeout);
    Ok(Some(PreparedExpansion {
        plan,
        slot,
        control: options.control.clone(),
        deadline: options.timeout.and_then(end),
        returns_errors: options.returns_errors,
    }))
}

impl CallOrigin<'_> {
    /// Returns the time until the deadline of the job that makes the call.
    ///
    /// # Errors
    /// The deadline has passed.
    fn time_left(&self, service: &Name) -> Result<Option<Duration>, ClientError> {
        let Some(deadline) = self.deadline else {
            return Ok(None);
        };
        let left = deadline.saturating_duration_since((self.now)());
        if left.is_zero() {
            return Err(ClientError::timeout(service, Duration::ZERO, None));
        }
        Ok(Some(left))
    }
}

impl CallLimits {
    /// Combines the call's own timeout, the default of its transport, and the time that is left to the calling job.
    fn new(
        timeout: Option<Duration>,
        route: &Route,
        left: Option<Duration>,
        is_forgotten: bool,
    ) -> Self {
        // Without a deadline, the default is up to the transport: it applies to each of several attempts.
        let Some(left) = left else {
            return Self {
                timeout,
                limit: timeout,
            };
        };
        let usual = timeout.or_else(|| route.default_timeout());
        let limit = Some(usual.map_or(left, |usual| usual.min(left)));
        Self {
            // The work may take longer than the job that asks for it, if that does not wait for a response.
            timeout: if is_forgotten { timeout } else { limit },
            limit,
        }
    }
}
