//! The description that a server gives of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::descriptor::{ActionDescriptor, ServiceDescriptor};
use crate::message::{Name, SwitchSet, Variant};
use crate::schema::Schema;

/// The description of a server.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    pub(crate) version: Name,
    pub(crate) build_id: Option<Name>,
    pub(crate) documentation: Option<&'static str>,
    /// The descriptor of the service, unless its actions are registered by name.
    pub(crate) descriptor: Option<&'static ServiceDescriptor>,
    /// The services that the handlers call.
    pub(crate) calls: &'static [&'static str],
    /// The permissions that the builder requires, by action.
    pub(crate) required: BTreeMap<Name, Vec<String>>,
    /// The actions, by the name that `introspect` shows: each variant of an action has its own.
    pub(super) actions: BTreeMap<Name, Offered>,
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

    /// Returns the description of the action, or of the variant of it, that answers under these switches.
    pub(crate) fn answering(&self, action: &str, switches: &SwitchSet) -> Option<&Offered> {
        // Without variants, an action is under its own name.
        let own = self.actions.get(action);
        if let Some(own) = own.filter(|own| own.variant.is_none() && own.action == action) {
            return Some(own);
        }
        let mut offered = self.actions.values();
        let any = offered.find(|offered| offered.action == action)?;
        match any.variant {
            None => Some(any),
            Some(variant) => {
                let suffix = variant.suffix(variant.select(switches));
                self.actions.get(format!("{action}{suffix}").as_str())
            }
        }
    }

    pub(super) fn has(&self, action: &str) -> bool {
        self.actions
            .values()
            .any(|offered| offered.action == action)
    }
}

/// The description of one action. The schemas of actions that were registered by name are unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offered {
    /// The name on the wire, which all variants of an action share.
    pub(super) action: Name,
    pub(super) variant: Option<&'static Variant>,
    pub(super) documentation: Option<&'static str>,
    pub(crate) request: Option<fn() -> Arc<Schema>>,
    pub(crate) response: Option<fn() -> Arc<Schema>>,
    /// The declarations of the action; `None` for one that was registered by name.
    pub(crate) descriptor: Option<ActionDescriptor>,
}

impl From<&ActionDescriptor> for Offered {
    fn from(action: &ActionDescriptor) -> Self {
        Self {
            action: Name::from_static(action.name()),
            variant: action.variant,
            documentation: action.documentation(),
            request: Some(action.request),
            response: Some(action.response),
            descriptor: Some(*action),
        }
    }
}
