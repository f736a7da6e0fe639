//! What a service offers, as constants: its name, version, documentation and actions.

use std::sync::Arc;

use crate::message::{Name, Switch, Variant};
use crate::schema::Schema;
use soa_wire::declared::Declared;

/// What the macros know of a service. Made by generated code, read by servers and tools.
#[derive(Clone, Copy, Debug)]
pub struct ServiceDescriptor {
    name: &'static str,
    version: &'static str,
    documentation: &'static str,
    actions: &'static [ActionDescriptor],
}

impl ServiceDescriptor {
    /// A service with these actions; an empty documentation means none.
    pub const fn new(
        name: &'static str,
        version: &'static str,
        documentation: &'static str,
        actions: &'static [ActionDescriptor],
    ) -> Self {
        Self {
            name,
            version,
            documentation,
            actions,
        }
    }

    pub(crate) const fn with_version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// The name under which the service is called, unless it is served under another one.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The version of the service.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// The doc comment of the service.
    pub fn documentation(&self) -> Option<&'static str> {
        Some(self.documentation).filter(|text| !text.is_empty())
    }

    /// The actions, in the order of their declaration.
    pub const fn actions(&self) -> &'static [ActionDescriptor] {
        self.actions
    }
}

/// What the macros know of an action.
#[derive(Clone, Copy, Debug)]
pub struct ActionDescriptor {
    name: &'static str,
    variant: Option<&'static Variant>,
    declared: &'static Declared,
    documentation: &'static str,
    is_deprecated: bool,
    pub(crate) request: fn() -> Arc<Schema>,
    pub(crate) response: fn() -> Arc<Schema>,
}

impl ActionDescriptor {
    pub(crate) const fn new(
        name: &'static str,
        variant: Option<&'static Variant>,
        declared: &'static Declared,
        documentation: &'static str,
        request: fn() -> Arc<Schema>,
        response: fn() -> Arc<Schema>,
    ) -> Self {
        Self {
            name,
            variant,
            declared,
            documentation,
            is_deprecated: false,
            request,
            response,
        }
    }

    /// The same action, marked as deprecated or not.
    #[must_use]
    pub const fn deprecated(mut self, is_deprecated: bool) -> Self {
        self.is_deprecated = is_deprecated;
        self
    }

    /// The name of the action on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What selects this variant of the action; `None` for a default variant, and for an action without
    /// variants.
    pub fn switch(&self) -> Option<Switch> {
        self.variant.and_then(|variant| variant.switch)
    }

    /// The name under which `introspect` shows it: the action's, and for a variant `[switch:N]` or
    /// `[DEFAULT]` behind it (protocol, section 7).
    pub fn shown_name(&self) -> Name {
        match self.variant {
            None => self.name.into(),
            Some(variant) => format!("{}{}", self.name, variant.suffix(variant.switch)).into(),
        }
    }

    /// The doc comment of the action.
    pub fn documentation(&self) -> Option<&'static str> {
        Some(self.documentation).filter(|text| !text.is_empty())
    }

    /// Whether the action is marked `#[deprecated]`.
    pub const fn is_deprecated(&self) -> bool {
        self.is_deprecated
    }

    /// What is declared of it: permissions, idempotency, how long answers may be kept.
    pub const fn declared(&self) -> &'static Declared {
        self.declared
    }

    /// The schema of its request.
    pub fn request_schema(&self) -> Arc<Schema> {
        (self.request)()
    }

    /// The schema of its response.
    pub fn response_schema(&self) -> Arc<Schema> {
        (self.response)()
    }
}
