//! What goes wrong between a value and its bytes.
//!
//! [`EncodeError`] is a sentence: the caller handed over something that the wire cannot carry, and there is nothing
//! to decide upon. [`DecodeError`] has a [kind](DecodeError::kind), because the layers above treat a broken message
//! (truncated, trailing bytes) otherwise than a body that is merely of the wrong type, and the offset of the byte at
//! which reading stopped where the source was bytes.
//!
//! Both are the size of one or two pointers, so that results stay cheap to return on the paths where nothing fails.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use serde::de::{Expected, Unexpected};

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
        Self::new(format!(
            "nested deeper than {} lists and maps",
            super::MAX_DEPTH
        ))
    }

    #[cold]
    pub(crate) fn does_not_fit(number: impl Display) -> Self {
        Self::new(format!("integer `{number}` does not fit 64 bits"))
    }

    #[cold]
    pub(crate) fn body_is_not_a_map(found: &str) -> Self {
        Self::new(format!("a body must be a map, and this is {found}"))
    }
}

impl Display for EncodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncodeError").field(&self.0).finish()
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// What kind of thing is wrong with bytes that could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end in the middle of a value.
    Truncated,
    /// There are bytes after the value.
    TrailingBytes,
    /// A byte that begins no MessagePack value (only `0xc1` does not).
    InvalidMarker,
    /// Text that is not JSON.
    Syntax,
    /// Text that is not UTF-8, or a JSON escape of half a surrogate pair.
    InvalidUtf8,
    /// An ext type that the protocol does not know.
    UnknownExtension,
    /// An ext type whose payload is of a wrong length, or names a date, time, number or currency that does not exist.
    OutOfRange,
    /// More than [`MAX_DEPTH`](super::MAX_DEPTH) lists and maps within each other.
    TooDeep,
    /// A body that is not a map.
    NotAMap,
    /// A nil where the type does not allow one.
    Nil,
    /// Well-formed bytes that do not fit the type: everything else that serde and its visitors say.
    Mismatch,
}

/// Bytes, or a [`Value`](super::Value), that cannot be read as the type asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: DecodeErrorKind,
    offset: Option<usize>,
    message: Cow<'static, str>,
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(kind: DecodeErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            offset: None,
            message: message.into(),
        }))
    }

    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self::new(
            DecodeErrorKind::TooDeep,
            format!("nested deeper than {} lists and maps", super::MAX_DEPTH),
        )
    }

    #[cold]
    pub(crate) fn body_is_not_a_map(found: &str) -> Self {
        Self::new(
            DecodeErrorKind::NotAMap,
            format!("a body must be a map, and this is {found}"),
        )
    }

    /// Fills in where it happened, unless a more precise place is known already.
    #[cold]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// What kind of thing is wrong.
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// The offset in bytes from the beginning of the input at which reading stopped; `None` when the source was a
    /// [`Value`](super::Value) and not bytes.
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match self.0.offset {
            Some(offset) => write!(f, " at byte {offset}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError")
            .field("kind", &self.0.kind)
            .field("offset", &self.0.offset)
            .field("message", &self.0.message)
            .finish()
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(DecodeErrorKind::Mismatch, message.to_string())
    }

    /// serde calls nil "unit value" or "Option value"; whoever reads these messages knows it as nil.
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
