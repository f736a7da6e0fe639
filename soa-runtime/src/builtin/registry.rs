//! The built-in actions of one server.

use std::sync::Arc;

use super::offer::Offer;
use super::{introspect, status};
use crate::health::Checks;
use crate::message::Name;
use crate::service::Handler;

/// Handlers by the names of their actions.
type Handlers = Vec<(Name, Arc<dyn Handler>)>;

/// Returns the built-in actions that a service does not define itself, and the description of all actions.
pub(crate) fn actions(mut offer: Offer, checks: Arc<Checks>) -> (Handlers, Arc<Offer>) {
    let mut handlers = Handlers::new();
    let has_status = offer.has(status::NAME);
    let has_introspect = offer.has(introspect::NAME);
    if !has_status {
        offer.insert(&status::ACTION.describe(status::DOCUMENTATION));
        let status = status::Status::new(&offer, checks);
        handlers.push((Name::from_static(status::NAME), Arc::new(status)));
    }
    if !has_introspect {
        offer.insert(&introspect::ACTION.describe(introspect::DOCUMENTATION));
    }
    let offer = Arc::new(offer);
    if !has_introspect {
        let introspect = introspect::Introspect::new(Arc::clone(&offer));
        handlers.push((Name::from_static(introspect::NAME), Arc::new(introspect)));
    }
    (handlers, offer)
}
