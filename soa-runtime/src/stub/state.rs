//! The state of a stub: its handlers, and the calls that it has seen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{Record, is_selected};
use crate::message::{Name, SwitchSet, Variant};
use crate::service::Handler;

/// The state that all clones of a stub share.
#[derive(Default)]
pub(super) struct StubState {
    pub(super) handlers: Vec<Stubbed>,
    pub(super) calls: Vec<Record>,
    /// Messages about calls without an answer and panics of closures.
    pub(super) unexpected: Vec<String>,
}

/// The handler of an action, or of one variant of it.
pub(super) struct Stubbed {
    pub(super) action: Name,
    pub(super) variant: Option<&'static Variant>,
    pub(super) handler: Arc<dyn Handler>,
}

impl StubState {
    /// Returns the handler of an action under these switches, and its name in `introspect`.
    pub(super) fn handler(
        &self,
        action: &Name,
        switches: &SwitchSet,
    ) -> Option<(Arc<dyn Handler>, String)> {
        let mut handlers = self.handlers.iter();
        let stubbed = handlers
            .find(|stubbed| stubbed.action == *action && is_selected(stubbed.variant, switches))?;
        let shown = match stubbed.variant {
            Some(variant) => format!("{action}{}", variant.suffix(variant.switch)),
            None => action.to_string(),
        };
        Some((Arc::clone(&stubbed.handler), shown))
    }

    /// Returns the name of the missing variant, if the stub has others of the action.
    pub(super) fn hint(&self, action: &Name, switches: &SwitchSet) -> String {
        let variant = self.handlers.iter().find(|other| other.action == *action);
        match variant.and_then(|stubbed| stubbed.variant) {
            Some(variant) => {
                let selected = variant.suffix(variant.select(switches));
                format!(", variant `{action}{selected}`")
            }
            None => String::new(),
        }
    }
}

/// Locks the state. Nothing panics between two changes, so it is whole even when poisoned.
pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
