//! The descriptor of a service, as constants: its name, version, documentation and actions.

use std::borrow::Cow;
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
    type_name: &'static str,
    rest: &'static str,
    package: &'static str,
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
            type_name: "",
            rest: "",
            package: "",
        }
    }

    /// Sets the name of the type, as descriptions for other systems have it.
    #[must_use]
    pub const fn with_type_name(mut self, type_name: &'static str) -> Self {
        self.type_name = type_name;
        self
    }

    /// Sets the prefix of all routes over HTTP.
    #[must_use]
    pub const fn with_rest(mut self, prefix: &'static str) -> Self {
        self.rest = prefix;
        self
    }

    /// Sets the package of the messages of protobuf.
    #[must_use]
    pub const fn with_package(mut self, package: &'static str) -> Self {
        self.package = package;
        self
    }

    /// Returns the name of the type; the name of the service in camel case, if none is set.
    pub fn type_name(&self) -> Cow<'static, str> {
        match self.type_name {
            "" => Cow::Owned(camel_case(self.name)),
            name => Cow::Borrowed(name),
        }
    }

    /// Returns the prefix of all routes over HTTP; empty for none.
    pub const fn rest(&self) -> &'static str {
        self.rest
    }

    /// Returns the package of the messages of protobuf; the name of the service with `_` for `-`, if none is set.
    pub fn package(&self) -> Cow<'static, str> {
        match self.package {
            "" => Cow::Owned(self.name.replace('-', "_")),
            package => Cow::Borrowed(package),
        }
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

/// Returns a name in camel case: `example-component` becomes `ExampleComponent`.
pub(crate) fn camel_case(name: &str) -> String {
    let words = name.split(['-', '_', '.']);
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    });
    words.collect()
}
