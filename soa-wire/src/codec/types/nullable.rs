//! Fields that may be nil.
//!
//! A message tells "the key is not there" and "the key is there, and nil" apart, and so does the reference, which
//! refuses a nil that is not allowed. In a struct, `Option<T>` is a field that may be absent, [`Nullable<T>`] one that
//! may be nil, and `Option<Nullable<T>>` both.
//!
//! This works without an attribute on the field, through a convention between this type and the deserializers of this
//! crate: it asks for a newtype struct of a reserved name. serde's own buffers (behind `flatten` and `untagged`) do not
//! know that name and hand back what they hold, so the visitor asks them for an option, which gives the same answer.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::ext::{NIL_NAME, NULLABLE_NAME};

/// A field that has to be present, and may be nil.
///
/// ```
/// # use soa_wire::codec::{self, Nullable};
/// # use serde::{Deserialize, Serialize};
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Change {
///     /// Nil removes the name.
///     name: Nullable<String>,
///     /// Without the key, the age stays as it is.
///     age: Option<u8>,
/// }
///
/// let change = Change { name: Nullable::Null, age: None };
/// let text = codec::json::to_vec(&change)?;
/// assert_eq!(text, br#"{"name": null}"#);
/// assert_eq!(codec::json::from_slice::<Change>(&text)?, change);
/// assert!(codec::json::from_slice::<Change>(b"{}").is_err());
/// assert!(codec::json::from_slice::<Change>(br#"{"name": null, "age": null}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
// Exhaustive on purpose: it is an `Option` by another name, and a third case cannot come.
pub enum Nullable<T> {
    /// Nil.
    #[default]
    Null,
    /// A value.
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, or `None` for nil.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// A reference to the value, if there is one.
    pub const fn as_ref(&self) -> Nullable<&T> {
        match self {
            Self::Null => Nullable::Null,
            Self::Value(value) => Nullable::Value(value),
        }
    }

    /// True if this is nil.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        match value {
            Some(value) => Self::Value(value),
            None => Self::Null,
        }
    }
}

impl<T> From<Nullable<T>> for Option<T> {
    fn from(value: Nullable<T>) -> Self {
        value.into_option()
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Not `serialize_unit`: at the root of a body that is the empty map.
            Self::Null => serializer.serialize_unit_struct(NIL_NAME),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NULLABLE_NAME, NullableVisitor(PhantomData))
    }
}

struct NullableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NullableVisitor<T> {
    type Value = Nullable<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a value or nil")
    }

    fn visit_unit<E: Error>(self) -> Result<Nullable<T>, E> {
        Ok(Nullable::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Nullable<T>, E> {
        Ok(Nullable::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Nullable<T>, D::Error> {
        T::deserialize(deserializer).map(Nullable::Value)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Nullable<T>, D::Error> {
        deserializer.deserialize_option(self)
    }
}
