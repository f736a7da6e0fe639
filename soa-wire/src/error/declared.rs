//! Typed errors of a service, on both sides of the wire.
//!
//! On the wire an error is a code, a message and variables. A service declares its errors as a type ([`ActionErrors`],
//! usually derived) and returns them from handlers with `?`. A caller that shares the type, as part of a contract, gets
//! them back by `ClientError::find` and need not compare codes. Other errors in a response stay data.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ActionError;
use crate::codec::{Map, Value, from_value, from_value_ref, to_value};
use crate::descriptor::ErrorDescriptor;
use crate::message::WireError;

/// The errors of a service, or of one of its actions, as a type: usually an enum with `#[derive(ActionErrors)]`.
///
/// Unknown codes are not a failure: the service may be newer than its caller.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ActionErrors, WireError};
///
/// #[derive(Debug, PartialEq)]
/// enum BookError {
///     NoSuchBook,
/// }
///
/// // `#[derive(ActionErrors)]` writes this.
/// impl ActionErrors for BookError {
///     const CODES: &'static [&'static str] = &["NO_SUCH_BOOK"];
///
///     fn from_wire(error: &WireError) -> Option<Self> {
///         (error.code == "NO_SUCH_BOOK").then_some(Self::NoSuchBook)
///     }
///
///     fn into_wire(self) -> WireError {
///         WireError::caller("NO_SUCH_BOOK", "There is no such book")
///     }
/// }
///
/// assert_eq!(BookError::from_wire(&BookError::NoSuchBook.into_wire()), Some(BookError::NoSuchBook));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as errors of actions",
    label = "not `ActionErrors`",
    note = "derive it for an enum in which each variant is an error: `#[derive(soa::ActionErrors)]`"
)]
pub trait ActionErrors: Sized {
    /// The codes that the type knows.
    const CODES: &'static [&'static str];
    /// The descriptions of the errors, which `introspect` tells.
    const DESCRIPTORS: &'static [ErrorDescriptor] = &[];

    /// Converts an error of the wire; `None` for an unknown code, and for variables of other types than declared.
    fn from_wire(error: &WireError) -> Option<Self>;

    /// Converts an error that [`from_wire`](Self::from_wire) does not know, if the type has a variant for such.
    fn other(_error: &WireError) -> Option<Self> {
        None
    }

    /// Converts into an error of the wire.
    fn into_wire(self) -> WireError;
}

/// An error that a handler passes on by `?`, besides those that convert into [`ActionError`] by themselves.
///
/// The trait exists for the message of the compiler, which otherwise lists all conversions that there are. Of this message,
/// a `?` shows the label alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not convert into the error of an action",
    label = "say what it becomes: `.map_err(ActionError::internal)?` if callers need not know more",
    note = "where it is the service's own type: `#[derive(soa::ActionErrors)]` on an enum, or `impl From<{Self}> for soa::ActionError`"
)]
pub trait PassedOn {
    /// Converts into the error of the action.
    #[doc(hidden)]
    fn pass_on(self) -> ActionError;
}

#[diagnostic::do_not_recommend]
impl<E: ActionErrors> PassedOn for E {
    fn pass_on(self) -> ActionError {
        ActionError::from(self.into_wire())
    }
}

impl<E: PassedOn> From<E> for ActionError {
    fn from(error: E) -> Self {
        error.pass_on()
    }
}

/// Returns the first error that the type knows; otherwise the first of all, if the type has a variant for unknown ones.
pub fn find<E: ActionErrors>(errors: &[WireError]) -> Option<E> {
    let known = errors.iter().find_map(E::from_wire);
    known.or_else(|| errors.first().and_then(E::other))
}

/// Returns the errors that the type can hold, in order.
pub fn find_all<E: ActionErrors>(errors: &[WireError]) -> Vec<E> {
    let each = errors.iter();
    each.filter_map(|error| E::from_wire(error).or_else(|| E::other(error)))
        .collect()
}

impl ActionError {
    /// Returns the error as the service's own type, as `ClientError::find` does: for errors of `Context::call_local`, for
    /// middleware, and for tests of handlers.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{ActionError, ActionErrors};
    /// # #[derive(Debug, PartialEq)] enum BookError { NoSuchBook }
    /// # impl ActionErrors for BookError {
    /// #     const CODES: &'static [&'static str] = &["NO_SUCH_BOOK"];
    /// #     fn from_wire(error: &soa::WireError) -> Option<Self> {
    /// #         (error.code == "NO_SUCH_BOOK").then_some(Self::NoSuchBook)
    /// #     }
    /// #     fn into_wire(self) -> soa::WireError { soa::WireError::caller("NO_SUCH_BOOK", "There is no such book") }
    /// # }
    ///
    /// /// A book that does not exist has no title.
    /// fn or_nothing(title: Result<String, ActionError>) -> Result<Option<String>, ActionError> {
    ///     match title {
    ///         Err(error) if error.find() == Some(BookError::NoSuchBook) => Ok(None),
    ///         outcome => outcome.map(Some),
    ///     }
    /// }
    /// ```
    pub fn find<E: ActionErrors>(&self) -> Option<E> {
        find(self.errors())
    }

    /// Returns all errors that the type can hold, in order.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{ActionError, ActionErrors};
    /// # #[derive(Debug, PartialEq)] enum BookError { NoSuchBook }
    /// # impl ActionErrors for BookError {
    /// #     const CODES: &'static [&'static str] = &["NO_SUCH_BOOK"];
    /// #     fn from_wire(error: &soa::WireError) -> Option<Self> { (error.code == "NO_SUCH_BOOK").then_some(Self::NoSuchBook) }
    /// #     fn into_wire(self) -> soa::WireError { soa::WireError::caller("NO_SUCH_BOOK", "There is no such book") }
    /// # }
    ///
    /// let error = ActionError::from(BookError::NoSuchBook.into_wire());
    /// assert_eq!(error.find_all::<BookError>(), [BookError::NoSuchBook]);
    /// ```
    pub fn find_all<E: ActionErrors>(&self) -> Vec<E> {
        find_all(self.errors())
    }
}

/// A type that can be a field of a variant.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an error",
    label = "does not travel",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it",
    note = "fields travel as the error's variables; what is only to be logged goes by `ActionError::with_source`"
)]
pub trait ErrorVariable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> ErrorVariable for T {}

/// The type of the field in the variant for unknown errors.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold an error that the enum does not know",
    label = "not `soa::WireError`",
    note = "the variant under `#[action_error(other)]` has one field, of the type `soa::WireError`"
)]
pub trait UnknownError: From<WireError> + Into<WireError> {}

impl UnknownError for WireError {}

/// The conversion of a field of an error. It is made in one place, so that an unsuitable type is reported once.
pub struct Variable<T> {
    read: fn(&WireError, &str) -> Option<T>,
    write: fn(WireError, &'static str, &T) -> WireError,
}

/// Returns the conversion of fields of this type.
#[must_use]
pub const fn variable<T: ErrorVariable>() -> Variable<T> {
    Variable {
        read: read_variable,
        write: write_variable,
    }
}

impl<T> Variable<T> {
    /// Reads the variable of this name; an absent one is nil.
    pub fn read(&self, error: &WireError, name: &str) -> Option<T> {
        (self.read)(error, name)
    }

    /// Adds a variable to the error. A variable that cannot be encoded is left out, as the error itself matters more.
    #[must_use]
    pub fn write(&self, error: WireError, name: &'static str, value: &T) -> WireError {
        (self.write)(error, name, value)
    }
}

impl<T> fmt::Debug for Variable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variable")
    }
}

fn read_variable<T: ErrorVariable>(error: &WireError, name: &str) -> Option<T> {
    let value = error.variables.as_ref().and_then(|map| map.get(name));
    match value {
        Some(value) => from_value_ref::<T>(value).ok(),
        None => from_value(Value::Nil).ok(),
    }
}

fn write_variable<T: ErrorVariable>(
    mut error: WireError,
    name: &'static str,
    value: &T,
) -> WireError {
    match to_value(value) {
        Ok(value) => {
            let variables = error.variables.get_or_insert_with(Map::new);
            variables.insert(name, value);
        }
        Err(problem) => {
            tracing::error!(code = %error.code, variable = name, %problem, "a variable of an error cannot be encoded");
        }
    }
    error
}

/// The conversion of errors that an enum does not know.
pub struct Unknown<T> {
    keep: fn(WireError) -> T,
    give: fn(T) -> WireError,
}

/// Returns the conversion of errors that an enum does not know.
#[must_use]
pub const fn unknown<T: UnknownError>() -> Unknown<T> {
    Unknown {
        keep: T::from,
        give: T::into,
    }
}

impl<T> Unknown<T> {
    /// Converts from an error of the wire.
    pub fn keep(&self, error: &WireError) -> T {
        (self.keep)(error.clone())
    }

    /// Converts into an error of the wire.
    pub fn give(&self, error: T) -> WireError {
        (self.give)(error)
    }
}

impl<T> fmt::Debug for Unknown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unknown")
    }
}
