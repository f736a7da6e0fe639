//! The actions that every service answers without being asked to define them (protocol, section 7).
//!
//! A service may define its own `status` or `introspect`; then that one is used.

mod introspect;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::descriptor::ActionDescriptor;
use crate::message::Name;
use crate::schema::Schema;
use crate::server::Handler;

/// What a server says about itself.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    pub(crate) version: Name,
    pub(crate) documentation: Option<&'static str>,
    pub(crate) actions: BTreeMap<Name, Offered>,
}

/// What a server says about one of its actions. Nothing is known of the bodies of actions that were
/// registered by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offered {
    documentation: Option<&'static str>,
    request: Option<fn() -> Arc<Schema>>,
    response: Option<fn() -> Arc<Schema>>,
}

impl From<&ActionDescriptor> for Offered {
    fn from(action: &ActionDescriptor) -> Self {
        Self {
            documentation: action.documentation(),
            request: Some(action.request),
            response: Some(action.response),
        }
    }
}

/// The built-in actions that a service does not define itself.
pub(crate) fn actions(mut offer: Offer) -> Vec<(Name, Arc<dyn Handler>)> {
    let mut handlers: Vec<(Name, Arc<dyn Handler>)> = Vec::new();
    let has_status = offer.actions.contains_key(status::NAME);
    let has_introspect = offer.actions.contains_key(introspect::NAME);
    if !has_status {
        let description = status::ACTION.describe(status::DOCUMENTATION);
        offer
            .actions
            .insert(status::NAME.into(), (&description).into());
        let status = status::Status::new(offer.version.clone());
        handlers.push((status::NAME.into(), Arc::new(status)));
    }
    if !has_introspect {
        let description = introspect::ACTION.describe(introspect::DOCUMENTATION);
        offer
            .actions
            .insert(introspect::NAME.into(), (&description).into());
        let introspect = introspect::Introspect::new(offer);
        handlers.push((introspect::NAME.into(), Arc::new(introspect)));
    }
    handlers
}
