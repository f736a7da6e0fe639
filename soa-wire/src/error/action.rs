//! The error of actions.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::list::list;
use crate::codec::{Map, Value};
use crate::message::{WireError, code};

/// The failure of an action: one or more errors, as the caller will see them.
///
/// A handler may return any error that converts into this one. Errors that are the service's fault are logged with all
/// their causes. Callers get the code and the message, and the causes only if the server is set to send tracebacks. Of an
/// [`internal`](Self::internal) error they get an id in place of the text, which is in the log, too.
///
/// ```
/// # use soa_wire as soa;
/// use soa::ActionError;
///
/// let error = ActionError::caller("TOO_LONG", "At most 80 characters").field("title");
/// assert_eq!(error.errors()[0].field.as_deref(), Some("title"));
/// ```
pub struct ActionError(Box<Inner>);

/// An error that a handler may return: any that converts into an [`ActionError`].
///
/// The trait exists for the message of the compiler, which explains the ways to convert.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ActionError, IntoActionError};
///
/// struct OutOfStock;
///
/// impl From<OutOfStock> for ActionError {
///     fn from(_: OutOfStock) -> Self {
///         ActionError::caller("OUT_OF_STOCK", "The book is out of stock").field("isbn")
///     }
/// }
///
/// fn code(error: impl IntoActionError) -> String {
///     error.into().errors()[0].code.to_string()
/// }
/// assert_eq!(code(OutOfStock), "OUT_OF_STOCK");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an action",
    label = "does not convert into `ActionError`",
    note = "where it is the service's own type: `#[derive(soa::ActionErrors)]` on an enum, or `impl From<{Self}> for soa::ActionError`",
    note = "where callers need not know more: return `ActionError`, and write `.map_err(ActionError::internal)?`"
)]
pub trait IntoActionError: Into<ActionError> {}

#[diagnostic::do_not_recommend]
impl<E: Into<ActionError>> IntoActionError for E {}

struct Inner {
    errors: Vec<WireError>,
    ends_job: bool,
    /// True if the text of the first error is meant for the log, and not for callers.
    is_internal: bool,
    /// True if the server has logged it, so that middleware that passes it on does not log it again.
    is_logged: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ActionError {
    /// Returns an error that is the caller's fault.
    pub fn caller(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::from_errors(vec![WireError::caller(code, message)])
    }

    /// Returns an error that is the service's fault.
    pub fn server(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::from_errors(vec![WireError::server(code, message)])
    }

    /// Returns an error that ends the whole job: the response has this error and no actions.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::ActionError;
    ///
    /// let error = ActionError::job("READ_ONLY", "The service is in maintenance");
    /// assert!(error.ends_job());
    /// ```
    pub fn job(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::server(code, message);
        error.0.ends_job = true;
        error
    }

    /// Sets whether the errors are those of the whole job.
    #[doc(hidden)]
    pub fn ending_job(mut self, ends_job: bool) -> Self {
        self.0.ends_job = ends_job;
        self
    }

    /// Returns the error of an unexpected failure of the service: `SERVER_ERROR`, `Internal server error: …`.
    ///
    /// The text of the error and its chain of sources are logged. The caller gets the id of the log line in place of the
    /// text, as a part of the message and as the variable `error_id`, unless the server is set to tell
    /// internal errors (`ServerBuilder::tell_internal_errors`).
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{ActionError, Value, value};
    ///
    /// fn version() -> Result<Value, ActionError> {
    ///     let text = std::fs::read_to_string("/no/such/file").map_err(ActionError::internal)?;
    ///     Ok(value!({ "version": text }))
    /// }
    ///
    /// let error = version().unwrap_err();
    /// assert_eq!(error.errors()[0].code, "SERVER_ERROR");
    /// ```
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = error.into();
        Self::unexpected(&source).with_source(source)
    }

    /// Returns an internal error with this text.
    #[doc(hidden)]
    pub fn unexpected(text: impl fmt::Display) -> Self {
        let message = format!("Internal server error: {text}");
        let mut error = Self::server(code::SERVER_ERROR, message);
        error.0.is_internal = true;
        error
    }

    #[doc(hidden)]
    pub fn is_internal(&self) -> bool {
        self.0.is_internal
    }

    /// Replaces the text of an internal error by the id under which it is in the log.
    #[doc(hidden)]
    pub fn hide_text(&mut self, id: &str) {
        if let Some(error) = self.0.errors.first_mut() {
            error.message = format!(
                "Internal server error: the details are in the log of the service, error id {id}"
            )
            .into();
            let variables = error.variables.get_or_insert_with(Map::new);
            variables.insert("error_id", id);
        }
        self.0.is_internal = false;
    }

    /// Returns several errors at once. An empty list becomes one `SERVER_ERROR`.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{ActionError, WireError};
    ///
    /// let missing = |field: &str| WireError::caller("MISSING", "Missing key").with_field(field);
    /// let error = ActionError::from_errors(vec![missing("title"), missing("isbn")]);
    /// assert_eq!(error.errors().len(), 2);
    /// ```
    pub fn from_errors(errors: Vec<WireError>) -> Self {
        let errors = if errors.is_empty() {
            let message = "Internal server error: an action failed without an error";
            vec![WireError::server(code::SERVER_ERROR, message)]
        } else {
            errors
        };
        Self(Box::new(Inner {
            errors,
            ends_job: false,
            is_internal: false,
            is_logged: false,
            source: None,
        }))
    }

    /// Names the field at fault (of the last error), dotted: `a.b.0.c`.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        self.last(|error| error.field = Some(field.into()))
    }

    /// Sets the status of the answer over HTTP (of the last error). Without one, it follows from the code, and from whose
    /// fault the error is. Over a queue, it is not sent.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::ActionError;
    ///
    /// let error = ActionError::caller("EXPIRED", "The voucher has expired").http_status(410);
    /// ```
    #[must_use]
    pub fn http_status(self, status: u16) -> Self {
        self.last(|error| *error = error.clone().with_http_status(status))
    }

    /// Adds a header to the answer over HTTP (of the last error).
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::ActionError;
    ///
    /// let error = ActionError::caller("BUSY", "Try again in a minute")
    ///     .http_status(503)
    ///     .http_header("Retry-After", "60");
    /// ```
    #[must_use]
    pub fn http_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.last(|error| *error = error.clone().with_http_header(name, value))
    }

    /// Adds a variable to the last error.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::ActionError;
    ///
    /// let error = ActionError::caller("TOO_LONG", "The title is too long").variable("maximum", 80);
    /// let variables = error.errors()[0].variables.as_ref();
    /// assert_eq!(variables.and_then(|map| map.get("maximum")), Some(&80.into()));
    /// ```
    #[must_use]
    pub fn variable(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.last(|error| {
            let variables = error.variables.get_or_insert_with(Map::new);
            variables.insert(name.into(), value.into());
        })
    }

    /// Names the permissions that the caller lacks (in the last error).
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::ActionError;
    ///
    /// let error = ActionError::caller("NOT_AUTHORIZED", "Only owners can delete a book")
    ///     .denied_permissions(["books.delete"]);
    /// ```
    #[must_use]
    pub fn denied_permissions<P: Into<String>>(
        self,
        permissions: impl IntoIterator<Item = P>,
    ) -> Self {
        self.last(|error| {
            error.denied_permissions = Some(permissions.into_iter().map(Into::into).collect());
        })
    }

    /// Adds another error after the existing ones.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{ActionError, WireError};
    ///
    /// let error = ActionError::caller("INVALID", "Not an ISBN").field("isbn");
    /// let error = error.and(WireError::caller("MISSING", "Missing key").with_field("title"));
    /// assert_eq!(error.errors().len(), 2);
    /// ```
    #[must_use]
    pub fn and(mut self, other: WireError) -> Self {
        self.0.errors.push(other);
        self
    }

    /// Keeps the cause for the log.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{ActionError, Value};
    ///
    /// fn read() -> Result<String, ActionError> {
    ///     std::fs::read_to_string("/no/such/file").map_err(|error| {
    ///         ActionError::server("NO_CATALOGUE", "The catalogue cannot be read").with_source(error)
    ///     })
    /// }
    ///
    /// let error = read().unwrap_err();
    /// assert!(std::error::Error::source(&error).is_some());
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the cause for the log.
    #[doc(hidden)]
    pub fn cause(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.0.source.as_deref()?;
        Some(cause)
    }

    #[doc(hidden)]
    pub fn is_logged(&self) -> bool {
        self.0.is_logged
    }

    #[doc(hidden)]
    pub fn set_logged(&mut self) {
        self.0.is_logged = true;
    }

    #[doc(hidden)]
    pub fn traceback(self, detail: String) -> Self {
        self.last(|error| error.traceback = Some(detail))
    }

    /// Returns the errors as the caller will see them; at least one.
    pub fn errors(&self) -> &[WireError] {
        &self.0.errors
    }

    /// Returns true if this ends the whole job.
    pub fn ends_job(&self) -> bool {
        self.0.ends_job
    }

    #[doc(hidden)]
    pub fn into_errors(self) -> Vec<WireError> {
        self.0.errors
    }

    fn last(mut self, change: impl FnOnce(&mut WireError)) -> Self {
        if let Some(error) = self.0.errors.last_mut() {
            change(error);
        }
        self
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, &self.0.errors)
    }
}

impl Error for ActionError {
    /// Returns the cause. That of an internal error is a part of its text, so this is the one behind it.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause()?;
        if self.0.is_internal {
            cause.source()
        } else {
            Some(cause)
        }
    }
}

crate::debug_as_text!(ActionError);

impl From<WireError> for ActionError {
    fn from(error: WireError) -> Self {
        Self::from_errors(vec![error])
    }
}

/// See [`ActionError::internal`].
impl From<Box<dyn Error + Send + Sync>> for ActionError {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::internal(error)
    }
}
