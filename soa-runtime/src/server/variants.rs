//! Variants of one action, as one entry of the registry.

use std::sync::Arc;
use std::time::Duration;

use crate::context::{ActionCall, ActionFuture};
use crate::message::{Switch, SwitchSet, select};
use crate::service::Handler;

/// Hands each call to the variant that the switches of its job select.
#[derive(Default)]
pub(super) struct Variants {
    switches: Vec<Option<Switch>>,
    handlers: Vec<Arc<dyn Handler>>,
}

impl Variants {
    /// Adds a variant after the others.
    pub(super) fn add(&mut self, switch: Option<Switch>, handler: Arc<dyn Handler>) {
        self.switches.push(switch);
        self.handlers.push(handler);
    }

    fn select(&self, call: &ActionCall) -> Option<&Arc<dyn Handler>> {
        self.select_by(call.context.switches())
    }

    fn select_by(&self, switches: &SwitchSet) -> Option<&Arc<dyn Handler>> {
        let selected = select(self.switches.iter().copied(), switches);
        self.handlers.get(selected?)
    }
}

impl Handler for Variants {
    fn timeout(&self, call: &ActionCall) -> Option<Duration> {
        self.select(call).and_then(|handler| handler.timeout(call))
    }

    fn is_idempotent(&self, switches: &SwitchSet) -> bool {
        let selected = self.select_by(switches);
        selected.is_some_and(|handler| handler.is_idempotent(switches))
    }

    fn crash_limit(&self, switches: &SwitchSet) -> Option<u8> {
        self.select_by(switches)?.crash_limit(switches)
    }

    fn may_be_idempotent(&self) -> bool {
        let mut handlers = self.handlers.iter();
        handlers.any(|handler| handler.may_be_idempotent())
    }

    fn missing_permissions(&self, call: &ActionCall, missing: &mut Vec<String>) {
        if let Some(handler) = self.select(call) {
            handler.missing_permissions(call, missing);
        }
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        match self.select(&call) {
            Some(handler) => handler.call(call),
            // There is at least one variant, so one is always selected.
            None => Box::pin(std::future::ready(Err(crate::ActionError::internal(
                "an action without variants",
            )))),
        }
    }
}
