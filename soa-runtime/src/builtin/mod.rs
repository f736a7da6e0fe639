//! The actions that every service answers without being asked to define them (protocol, section 7).
//!
//! A service may define its own `status` or `introspect`; then that one is used.

mod introspect;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::descriptor::ActionDescriptor;
use crate::health::{Checks, HealthCheck};
use crate::message::Name;
use crate::schema::Schema;
use crate::service::Handler;

/// What a server says about itself.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    pub(crate) version: Name,
    pub(crate) build_id: Option<Name>,
    pub(crate) documentation: Option<&'static str>,
    /// By the name that `introspect` shows: each variant of an action has its own.
    actions: BTreeMap<Name, Offered>,
}

impl Offer {
    pub(crate) fn insert(&mut self, action: &ActionDescriptor) {
        self.actions.insert(action.shown_name(), action.into());
    }

    pub(crate) fn insert_untyped(&mut self, action: Name) {
        let offered = Offered {
            action: action.clone(),
            ..Offered::default()
        };
        self.actions.entry(action).or_insert(offered);
    }

    fn has(&self, action: &str) -> bool {
        self.actions
            .values()
            .any(|offered| offered.action == action)
    }
}

/// What a server says about one of its actions. Nothing is known of the bodies of actions that were
/// registered by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offered {
    /// The name on the wire, which all variants of an action share.
    action: Name,
    documentation: Option<&'static str>,
    request: Option<fn() -> Arc<Schema>>,
    response: Option<fn() -> Arc<Schema>>,
}

impl From<&ActionDescriptor> for Offered {
    fn from(action: &ActionDescriptor) -> Self {
        Self {
            action: action.name().into(),
            documentation: action.documentation(),
            request: Some(action.request),
            response: Some(action.response),
        }
    }
}

/// The built-in actions that a service does not define itself.
pub(crate) fn actions(mut offer: Offer, checks: Vec<HealthCheck>) -> Vec<(Name, Arc<dyn Handler>)> {
    let mut handlers: Vec<(Name, Arc<dyn Handler>)> = Vec::new();
    let has_status = offer.has(status::NAME);
    let has_introspect = offer.has(introspect::NAME);
    if !has_status {
        offer.insert(&status::ACTION.describe(status::DOCUMENTATION));
        let status = status::Status::new(&offer, Checks::new(checks));
        handlers.push((status::NAME.into(), Arc::new(status)));
    }
    if !has_introspect {
        offer.insert(&introspect::ACTION.describe(introspect::DOCUMENTATION));
        let introspect = introspect::Introspect::new(offer);
        handlers.push((introspect::NAME.into(), Arc::new(introspect)));
    }
    handlers
}
