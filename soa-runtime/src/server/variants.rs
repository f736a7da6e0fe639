//! An action of several variants, as one entry of the registry.

use std::sync::Arc;

use super::Handler;
use crate::message::{Switch, select};
use crate::service::{ActionCall, ActionFuture};

/// Hands each call to the variant that the switches of its job select.
#[derive(Default)]
pub(super) struct Variants {
    switches: Vec<Option<Switch>>,
    handlers: Vec<Arc<dyn Handler>>,
}

impl Variants {
    /// Adds a variant behind the others; `false` where one with its switch is there already.
    pub(super) fn add(&mut self, switch: Option<Switch>, handler: Arc<dyn Handler>) -> bool {
        let is_new = !self.switches.contains(&switch);
        self.switches.push(switch);
        self.handlers.push(handler);
        is_new
    }
}

impl Handler for Variants {
    fn call(&self, call: ActionCall) -> ActionFuture {
        let selected = select(self.switches.iter().copied(), call.context.switches());
        match selected.and_then(|index| self.handlers.get(index)) {
            Some(handler) => handler.call(call),
            // It is made with the first variant, so one is always selected.
            None => Box::pin(std::future::ready(Err(crate::ActionError::internal(
                "an action without variants",
            )))),
        }
    }
}
