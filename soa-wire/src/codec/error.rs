//! The errors of encoding and decoding.
//!
//! [`EncodeError`] is a sentence: the caller handed over something that the wire cannot carry, and no caller has to
//! distinguish cases. [`DecodeError`] has a [kind](DecodeError::kind), because a broken message (truncated, trailing
//! bytes) is treated differently from a body of the wrong type, and, if the source was bytes, the offset at which
//! reading stopped.
//!
//! Both are the size of one or two pointers, so that results stay cheap to return if nothing fails.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use serde::de::{Expected, Unexpected};

use super::limit::MAX_DEPTH;

/// A value that the chosen encoding cannot carry.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<str>);

impl EncodeError {
    /// An error saying `message`: one line, without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into_boxed_str())
    }

    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self::new(format!("nested deeper than {} lists and maps", MAX_DEPTH))
    }

    #[cold]
    pub(crate) fn does_not_fit(number: impl Display) -> Self {
        Self::new(format!("integer `{number}` does not fit 64 bits"))
    }

    #[cold]
    pub(crate) fn body_is_not_a_map(found: &str) -> Self {
        Self::new(format!("a body must be a map, not {found}"))
    }
}

impl Display for EncodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

crate::debug_as_text!(EncodeError, DecodeError);

impl serde::ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// The kinds of errors of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end in the middle of a value.
    Truncated,
    /// There are bytes after the value.
    TrailingBytes,
    /// A byte that no MessagePack value begins with (only `0xc1`).
    InvalidMarker,
    /// Text that is not JSON.
    Syntax,
    /// Text that is not UTF-8, or a JSON escape of half a surrogate pair.
    InvalidUtf8,
    /// An ext type that the protocol does not know.
    UnknownExtension,
    /// An ext type whose payload has a wrong length, or stands for a date, time, number or currency that does not exist.
    OutOfRange,
    /// More than [`MAX_DEPTH`] lists and maps nested within each other.
    TooDeep,
    /// A body that is not a map.
    NotAMap,
    /// A nil where the type does not allow one.
    Nil,
    /// Well-formed bytes that do not fit the type: all other errors of serde and its visitors.
    Mismatch,
}

/// Bytes, or a [`Value`](super::Value), that cannot be read as the type asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: DecodeErrorKind,
    offset: Option<usize>,
    field: Option<String>,
    message: Cow<'static, str>,
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(kind: DecodeErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            offset: None,
            field: None,
            message: message.into(),
        }))
    }

    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self::new(
            DecodeErrorKind::TooDeep,
            format!("nested deeper than {} lists and maps", MAX_DEPTH),
        )
    }

    #[cold]
    pub(crate) fn body_is_not_a_map(found: &str) -> Self {
        Self::new(
            DecodeErrorKind::NotAMap,
            format!("a body must be a map, not {found}"),
        )
    }

    /// Sets the offset, unless a more precise one is known already.
    #[cold]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Names the fields at fault, where the schema of the type tells more than the decoder: the first of them, and a message
    /// with all.
    #[doc(hidden)]
    #[must_use]
    pub fn with_fields(mut self, first: Option<String>, message: String) -> Self {
        self.0.field = first;
        self.0.message = message.into();
        self
    }

    /// Adds a step of the way to the field at fault, in front of those that are known.
    #[cold]
    pub(crate) fn below(mut self, step: String) -> Self {
        self.0.field = Some(match self.0.field.take() {
            Some(rest) => format!("{step}.{rest}"),
            None => step,
        });
        self
    }

    /// The dotted path of the first field at fault, if it is known: `items.0.price`.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The kind of the error.
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// The offset in bytes from the beginning of the input at which reading stopped; `None` when the source was a
    /// [`Value`](super::Value) and not bytes.
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// The message, without the offset.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match (self.0.offset, &self.0.field) {
            (Some(offset), None) => write!(f, " at byte {offset}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(DecodeErrorKind::Mismatch, message.to_string())
    }

    /// Calls a nil by its name. serde would say "unit value" or "Option value".
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unit | Unexpected::Option => Self::new(
                DecodeErrorKind::Nil,
                format!("invalid type: nil, expected {expected}"),
            ),
            _ => Self::custom(format_args!("invalid type: {found}, expected {expected}")),
        }
    }
}
