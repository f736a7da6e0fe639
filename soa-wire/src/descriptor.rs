//! The descriptor of a service, as constants: its name, version, documentation, actions, and the errors that these
//! declare.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::declared::Declared;
use crate::message::{Name, Switch, Variant};
use crate::schema::Schema;

/// The description of a service. Generated code makes it; servers and tools read it.
///
/// ```
/// # use soa_wire as soa;
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
    component: &'static str,
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
            type_name: "",
            rest: "",
            package: "",
            component: "",
            calls: &[],
        }
    }

    /// Sets the names of the services that the handlers call.
    #[must_use]
    pub const fn calling(mut self, services: &'static [&'static str]) -> Self {
        self.calls = services;
        self
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

    /// Sets the name of the component that offers the service.
    #[must_use]
    pub const fn with_component(mut self, component: &'static str) -> Self {
        self.component = component;
        self
    }

    /// Returns the name of the component that offers the service, if the service tells it. Typed clients look it up in a
    /// registry.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::ServiceDescriptor;
    ///
    /// let books = ServiceDescriptor::new("books", "1.0.0", "", &[]).with_component("library");
    /// assert_eq!(books.component(), Some("library"));
    /// ```
    pub fn component(&self) -> Option<&'static str> {
        Some(self.component).filter(|name| !name.is_empty())
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

    /// Returns the same with another version.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_version(mut self, version: &'static str) -> Self {
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
    /// # use soa_wire as soa;
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
/// # use soa_wire as soa;
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
    #[doc(hidden)]
    pub variant: Option<&'static Variant>,
    declared: &'static Declared,
    documentation: &'static str,
    is_deprecated: bool,
    errors: &'static [ErrorDescriptor],
    timeout: Option<Duration>,
    #[doc(hidden)]
    pub request: fn() -> Arc<Schema>,
    #[doc(hidden)]
    pub response: fn() -> Arc<Schema>,
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
    /// `ActionError`, which may be any.
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

/// The description of an error that an action declares: a variant of an enum with `#[derive(ActionErrors)]`.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ErrorDescriptor, VariableDescriptor};
///
/// const LENT: ErrorDescriptor = ErrorDescriptor::caller("LENT", "Lent to {reader}")
///     .with_field("isbn")
///     .with_variables(&[VariableDescriptor::new("reader", None)]);
/// assert_eq!((LENT.code(), LENT.field()), ("LENT", Some("isbn")));
/// assert!(LENT.is_caller_error());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ErrorDescriptor {
    code: &'static str,
    message: &'static str,
    field: Option<&'static str>,
    is_caller_error: bool,
    variables: &'static [VariableDescriptor],
    status: Option<u16>,
    headers: &'static [(&'static str, &'static str)],
}

impl ErrorDescriptor {
    /// Returns the description of an error that is the caller's fault.
    pub const fn caller(code: &'static str, message: &'static str) -> Self {
        Self {
            code,
            message,
            field: None,
            is_caller_error: true,
            variables: &[],
            status: None,
            headers: &[],
        }
    }

    /// Returns the description of an error that is the service's fault.
    pub const fn server(code: &'static str, message: &'static str) -> Self {
        let mut error = Self::caller(code, message);
        error.is_caller_error = false;
        error
    }

    /// Sets the dotted path of the field at fault.
    #[must_use]
    pub const fn with_field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Sets the variables.
    #[must_use]
    pub const fn with_variables(mut self, variables: &'static [VariableDescriptor]) -> Self {
        self.variables = variables;
        self
    }

    /// Sets the status of the answer over HTTP.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets headers of the answer over HTTP.
    #[must_use]
    pub const fn with_headers(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Returns the status over HTTP, if it is declared.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the headers over HTTP.
    pub const fn headers(&self) -> &'static [(&'static str, &'static str)] {
        self.headers
    }

    /// Returns the code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the message, with the names of variables in braces.
    pub const fn message(&self) -> &'static str {
        self.message
    }

    /// Returns the field at fault, with the names of variables in braces.
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// Returns true if the caller is at fault, false if the service is.
    pub const fn is_caller_error(&self) -> bool {
        self.is_caller_error
    }

    /// Returns the variables.
    pub const fn variables(&self) -> &'static [VariableDescriptor] {
        self.variables
    }
}

/// The description of a variable of an error.
#[derive(Clone, Copy, Debug)]
pub struct VariableDescriptor {
    name: &'static str,
    schema: Option<fn() -> Arc<Schema>>,
}

impl VariableDescriptor {
    /// Returns the description of a variable, with the schema of its type if that has one: `Schema::of::<T>`.
    pub const fn new(name: &'static str, schema: Option<fn() -> Arc<Schema>>) -> Self {
        Self { name, schema }
    }

    /// Returns the name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the schema of the type; `None` if the type does not derive `JsonSchema`.
    pub fn schema(&self) -> Option<Arc<Schema>> {
        self.schema.map(|schema| schema())
    }
}

/// Returns a name in camel case: `example-component` becomes `ExampleComponent`.
#[doc(hidden)]
pub fn camel_case(name: &str) -> String {
    let words = name.split(['-', '_', '.']);
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    });
    words.collect()
}
