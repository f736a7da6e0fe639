//! The built-in actions of one server.

use std::sync::Arc;

use super::offer::Offer;
use super::{introspect, status};
use crate::health::Checks;
use crate::message::Name;
use crate::service::Handler;

/// Returns the built-in actions that a service does not define itself.
pub(crate) fn actions(mut offer: Offer, checks: Arc<Checks>) -> Vec<(Name, Arc<dyn Handler>)> {
    let mut handlers: Vec<(Name, Arc<dyn Handler>)> = Vec::new();
    let has_status = offer.has(status::NAME);
    let has_introspect = offer.has(introspect::NAME);
    if !has_status {
        offer.insert(&status::ACTION.describe(status::DOCUMENTATION));
        let status = status::Status::new(&offer, checks);
        handlers.push((status::NAME.into(), Arc::new(status)));
    }
    if !has_introspect {
        offer.insert(&introspect::ACTION.describe(introspect::DOCUMENTATION));
        let introspect = introspect::Introspect::new(offer);
        handlers.push((introspect::NAME.into(), Arc::new(introspect)));
    }
    handlers
}
