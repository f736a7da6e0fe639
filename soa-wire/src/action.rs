//! Typed handles of actions: a name with the types of its request and response.
//!
//! A handle is a `const` value and not a marker type, so that private request types and services inside function bodies
//! work. It holds plain function pointers, all made in [`Action::new`], the one place with trait bounds: a type that is
//! not an [`ActionBody`] is one error, at that type.

use std::fmt;
use std::sync::Arc;

use crate::codec::{DecodeError, Encoding};
use crate::declared::{Declared, UNDECLARED};
use crate::descriptor::ActionDescriptor;
use crate::message::{Body, ReadText, Variant};
use crate::schema::Schema;
use crate::validation::rules::Rules;
use crate::validation::{self, ActionBody, Validated};

/// The typed handle of an action.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{Action, Value};
///
/// // A generated client has one for each action: `LibraryClient::FIND_BOOK`.
/// const FIND_BOOK: Action<Value, Value> = Action::new("find_book");
/// assert_eq!(FIND_BOOK.name(), "find_book");
/// ```
pub struct Action<Req, Resp> {
    name: &'static str,
    #[doc(hidden)]
    pub variant: Option<&'static Variant>,
    #[doc(hidden)]
    pub declared: &'static Declared,
    #[doc(hidden)]
    pub request: Side<Req>,
    #[doc(hidden)]
    pub response: Side<Resp>,
}

/// The functions for one of the two bodies of an action.
pub struct Side<T> {
    /// Encodes a value.
    pub encode: fn(Encoding, &T) -> Body,
    /// Makes a body of a value that is encoded only when its bytes are needed.
    pub serialize: fn(&T) -> Body,
    /// Decodes a body. The error names the fields at fault.
    pub decode: fn(&Body) -> Result<T, DecodeError>,
    accept: fn(&Body, Option<Rules<T>>) -> Validated<T>,
    validate: fn(&T, Option<Rules<T>>) -> Validated<()>,
    /// The rules of the type and of the bodies within it, where they are known. Otherwise, garde knows those of the type.
    rules: Option<Rules<T>>,
    /// Returns the schema of the type.
    pub schema: fn() -> Arc<Schema>,
    /// Reads the types that are written as text.
    pub read_text: ReadText,
}

impl<T> Side<T> {
    /// Decodes and validates a body; returns all errors of all fields at once.
    pub fn accept(&self, body: &Body) -> Validated<T> {
        (self.accept)(body, self.rules)
    }

    /// Validates a typed value.
    pub fn validate(&self, value: &T) -> Validated<()> {
        (self.validate)(value, self.rules)
    }
}

impl<T> Clone for Side<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Side<T> {}

impl<T> fmt::Debug for Side<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Side")
    }
}

impl<T: ActionBody> Side<T> {
    const fn new() -> Self {
        Self {
            encode: Body::encode,
            serialize: Body::serialized,
            decode,
            accept: validation::accept,
            validate: validation::validate,
            rules: None,
            schema: Schema::of::<T>,
            read_text: ReadText {
                all: validation::read_text::<T>,
                misfits: validation::read_misfits::<T>,
            },
        }
    }
}

/// The number of errors that the text of a failed decoding has.
const MAX_TOLD_ERRORS: usize = 5;

/// Decodes a body. The error names the fields that are not as the type wants them: serde knows neither all of them, nor
/// their paths.
fn decode<T: ActionBody>(body: &Body) -> Result<T, DecodeError> {
    body.decode().map_err(|error| {
        let value = body.to_value();
        let wrong = value.map_or_else(|_| Vec::new(), |value| Schema::of::<T>().check(&value));
        let Some(first) = wrong.first() else {
            return error;
        };
        let field = first.field.clone();
        let more = wrong.len().saturating_sub(MAX_TOLD_ERRORS);
        let told = wrong.into_iter().take(MAX_TOLD_ERRORS);
        let mut told: Vec<String> = told.map(|one| one.into_wire(false).to_string()).collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        error.with_fields(field, told.join("; "))
    })
}

/// [`Action::new`] as a function, for generated code: the compiler reports an unmet bound of a function once, at the
/// type argument, and an unmet bound of a constructor at the whole path.
#[must_use]
pub const fn action<Req: ActionBody, Resp: ActionBody>(name: &'static str) -> Action<Req, Resp> {
    Action {
        name,
        variant: None,
        declared: UNDECLARED,
        request: Side::new(),
        response: Side::new(),
    }
}

impl<Req, Resp> Action<Req, Resp> {
    /// Returns the handle of the action with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self
    where
        Req: ActionBody,
        Resp: ActionBody,
    {
        action(name)
    }

    /// Returns the name of the action on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the handle of one variant of the action.
    ///
    /// # Panics
    /// The switch is 0, which is never on, or two variants have the same switch. In generated code, this is an
    /// error of the compiler.
    #[must_use]
    pub const fn variant(mut self, variant: &'static Variant) -> Self {
        variant.check();
        self.variant = Some(variant);
        self
    }

    /// Adds the declared properties of the action.
    #[must_use]
    pub const fn declared(mut self, declared: &'static Declared) -> Self {
        self.declared = declared;
        self
    }

    /// Adds the rules of the two bodies, which only code that names the types can find. For generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_rules(
        mut self,
        request: Option<Rules<Req>>,
        response: Option<Rules<Resp>>,
    ) -> Self {
        self.request.rules = request;
        self.response.rules = response;
        self
    }

    /// Describes the action as data; an empty documentation means none.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::{Action, Value};
    ///
    /// const FIND_BOOK: Action<Value, Value> = Action::new("find_book");
    /// let descriptor = FIND_BOOK.describe("Finds a book by its title.");
    /// assert_eq!(descriptor.documentation(), Some("Finds a book by its title."));
    /// ```
    #[must_use]
    pub const fn describe(&self, documentation: &'static str) -> ActionDescriptor {
        ActionDescriptor::new(
            self.name,
            self.variant,
            self.declared,
            documentation,
            self.request.schema,
            self.response.schema,
        )
    }
}

impl<Req, Resp> Clone for Action<Req, Resp> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Req, Resp> Copy for Action<Req, Resp> {}

impl<Req, Resp> fmt::Debug for Action<Req, Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("Action");
        shown.field(&self.name);
        if let Some(variant) = self.variant {
            shown.field(&variant.switch);
        }
        shown.finish()
    }
}
