//! The descriptor of a service, as constants: its name, version, documentation and actions.

use std::sync::Arc;
use std::time::Duration;

use soa_wire::declared::Declared;

use crate::error::ErrorDescriptor;
use crate::message::{Name, Switch, Variant};
use crate::schema::Schema;

/// The description of a service. Generated code makes it; servers and tools read it.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Action, ActionDescriptor, ServiceDescriptor, Value};
///
/// // `#[service]` makes these: `Library::DESCRIPTOR`.
/// const FIND_BOOK: Action<Value, Value> = Action::new("find_book");
/// const ACTIONS: &[ActionDescriptor] = &[FIND_BOOK.describe("Finds a book.")];
/// const LIBRARY: ServiceDescriptor = ServiceDescriptor::new("library", "1.2.0", "", ACTIONS);
///
/// assert_eq!((LIBRARY.name(), LIBRARY.version()), ("library", "1.2.0"));
/// assert_eq!(LIBRARY.actions()[0].name(), "find_book");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ServiceDescriptor {
    name: &'static str,
    version: &'static str,
    documentation: &'static str,
    actions: &'static [ActionDescriptor],
    calls: &'static [&'static str],
}

impl ServiceDescriptor {
    /// Returns the descriptor of a service with these actions; an empty documentation means none.
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
            calls: &[],
        }
    }

    /// Sets the names of the services that the handlers call.
    #[must_use]
    pub const fn calling(mut self, services: &'static [&'static str]) -> Self {
        self.calls = services;
        self
    }

    pub(crate) const fn with_version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Returns the name of the service. It may be served under another one.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the version of the service.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// Returns the doc comment of the service.
    pub fn documentation(&self) -> Option<&'static str> {
        Some(self.documentation).filter(|text| !text.is_empty())
    }

    /// Returns the actions, in the order of their declaration.
    pub const fn actions(&self) -> &'static [ActionDescriptor] {
        self.actions
    }

    /// Returns the names of the services that the handlers call, as the service declares them. A server whose client has no
    /// route to one of them says so in its log when it starts.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::ServiceDescriptor;
    ///
    /// // `#[service(name = "orders", calls("stock", "user-accounts"))]` makes this.
    /// const ORDERS: ServiceDescriptor =
    ///     ServiceDescriptor::new("orders", "1.0.0", "", &[]).calling(&["stock", "user-accounts"]);
    /// assert_eq!(ORDERS.calls(), ["stock", "user-accounts"]);
    /// ```
    pub const fn calls(&self) -> &'static [&'static str] {
        self.calls
    }
}

/// The description of an action.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Action, ActionDescriptor, Value};
///
/// const FIND_BOOK: Action<Value, Value> = Action::new("find_book");
/// let descriptor: ActionDescriptor = FIND_BOOK.describe("").deprecated(true);
/// assert!(descriptor.is_deprecated());
/// assert_eq!(descriptor.shown_name(), "find_book");
/// assert_eq!(descriptor.switch(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ActionDescriptor {
    name: &'static str,
    pub(crate) variant: Option<&'static Variant>,
    declared: &'static Declared,
    documentation: &'static str,
    is_deprecated: bool,
    errors: &'static [ErrorDescriptor],
    timeout: Option<Duration>,
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
            errors: &[],
            timeout: None,
            request,
            response,
        }
    }

    /// Sets whether the action is deprecated.
    #[must_use]
    pub const fn deprecated(mut self, is_deprecated: bool) -> Self {
        self.is_deprecated = is_deprecated;
        self
    }

    /// Sets the errors that the action declares.
    #[must_use]
    pub const fn errors(mut self, errors: &'static [ErrorDescriptor]) -> Self {
        self.errors = errors;
        self
    }

    /// Sets the time limit of the action.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the errors that the action declares: those of the enum that it returns. Empty if it returns
    /// [`ActionError`](crate::ActionError), which may be any.
    pub const fn declared_errors(&self) -> &'static [ErrorDescriptor] {
        self.errors
    }

    /// Returns the time limit of the action, if it has one of its own.
    pub const fn time_limit(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the name of the action on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the switch of this variant of the action; `None` for a default variant, and for an action without
    /// variants.
    pub fn switch(&self) -> Option<Switch> {
        self.variant.and_then(|variant| variant.switch)
    }

    /// Returns the name under which `introspect` shows it: the name of the action, followed by `[switch:N]` or
    /// `[DEFAULT]` for a variant (protocol, section 7).
    pub fn shown_name(&self) -> Name {
        match self.variant {
            None => Name::from_static(self.name),
            Some(variant) => format!("{}{}", self.name, variant.suffix(variant.switch)).into(),
        }
    }

    /// Returns the doc comment of the action.
    pub fn documentation(&self) -> Option<&'static str> {
        Some(self.documentation).filter(|text| !text.is_empty())
    }

    /// Returns true if the action is marked `#[deprecated]`.
    pub const fn is_deprecated(&self) -> bool {
        self.is_deprecated
    }

    /// Returns the declared properties of the action: permissions, idempotency, cache time.
    pub const fn declared(&self) -> &'static Declared {
        self.declared
    }

    /// Returns the schema of the request.
    pub fn request_schema(&self) -> Arc<Schema> {
        (self.request)()
    }

    /// Returns the schema of the response.
    pub fn response_schema(&self) -> Arc<Schema> {
        (self.response)()
    }
}
