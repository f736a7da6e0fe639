//! serde's deserializer over a [`Value`].
//!
//! The same rules as those of MessagePack's, which it mirrors: strict types, and nil by position (see the `position`
//! module). What comes on top are integers beyond 64 bits, which are visited as 128 bits wide where the type asks for
//! that, and as the pseudo-ext type where it asks for anything.

use std::cell::Cell;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer as _, EnumAccess, Error,
    Expected, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::MAX_DEPTH;
use super::error::DecodeError;
use super::ext::{
    AMOUNT, BIG_INTEGER, DATE, DATE_TIME, DECIMAL, EXT_NAME, NULLABLE_NAME, PairDeserializer, TIME,
    UTC_DATE_TIME, VALUE_NAME,
};
use super::position::Position;
use super::value::Value;

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads a type out of a dynamic value.
///
/// # Errors
///
/// When the value does not fit the type.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    from_value_ref(&value)
}

/// Reads a type out of a dynamic value, from which text and bytes may be borrowed.
///
/// # Errors
///
/// When the value does not fit the type.
pub fn from_value_ref<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T> {
    read(value, Position::Element).map(|(value, _)| value)
}

/// Reads a type, and says whether serde was lenient (see [`Decoded::is_lenient`](super::Decoded::is_lenient)).
pub(super) fn read<'de, T: Deserialize<'de>>(
    value: &'de Value,
    position: Position,
) -> Result<(T, bool)> {
    let notes = Notes::default();
    let value = T::deserialize(Deserializer {
        value,
        position,
        levels: MAX_DEPTH,
        notes: &notes,
    })?;
    Ok((value, notes.is_lenient.get()))
}

/// What is noted while a value is read.
#[derive(Debug, Default)]
struct Notes {
    /// Whether the last key was asked for as an identifier: then it is a struct's, and its value is a field.
    key_is_identifier: Cell<bool>,
    is_lenient: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Deserializer<'de, 'a> {
    value: &'de Value,
    position: Position,
    /// How many lists and maps may still be entered. A value need not have come through a reader that bounds it.
    levels: usize,
    notes: &'a Notes,
}

impl<'de> Deserializer<'de, '_> {
    #[cold]
    fn mismatch(self, expected: &dyn Expected) -> DecodeError {
        let found = match self.value {
            Value::Nil => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Integer(value) => match (value.as_i64(), value.as_u64()) {
                (Some(value), _) => Unexpected::Signed(value),
                (None, Some(value)) => Unexpected::Unsigned(value),
                (None, None) => Unexpected::Other("integer of more than 64 bits"),
            },
            Value::Float(value) => Unexpected::Float(*value),
            Value::Map(_) => Unexpected::Map,
            // What the text is, is not repeated: it may be long, and it may be secret.
            other => Unexpected::Other(other.kind_name()),
        };
        Error::invalid_type(found, expected)
    }

    fn child(self, value: &'de Value, position: Position) -> Self {
        Self {
            value,
            position,
            ..self
        }
    }

    fn descend(self) -> Result<Self> {
        let levels = self
            .levels
            .checked_sub(1)
            .ok_or_else(DecodeError::too_deep)?;
        Ok(Self { levels, ..self })
    }

    fn visit_list<V: Visitor<'de>>(self, list: &'de [Value], visitor: V) -> Result<V::Value> {
        let mut elements = Elements {
            parent: self.descend()?,
            elements: list.iter(),
        };
        let value = visitor.visit_seq(&mut elements)?;
        exhausted(list.len(), elements.elements.len(), value)
    }

    fn visit_map<V: Visitor<'de>>(self, position: Position, visitor: V) -> Result<V::Value> {
        let Value::Map(map) = self.value else {
            return Err(self.mismatch(&visitor));
        };
        let mut pairs = Pairs {
            parent: self.descend()?,
            pairs: map.iter(),
            value: None,
            position,
        };
        let value = visitor.visit_map(&mut pairs)?;
        exhausted(map.len(), pairs.pairs.len(), value)
    }

    fn visit_integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Integer(integer) => match (integer.as_i64(), integer.as_u64()) {
                (Some(value), _) => visitor.visit_i64(value),
                (None, Some(value)) => visitor.visit_u64(value),
                (None, None) => match (integer.as_i128(), integer.as_u128()) {
                    (Some(value), _) => visitor.visit_i128(value),
                    (None, Some(value)) => visitor.visit_u128(value),
                    (None, None) => Err(self.mismatch(&visitor)),
                },
            },
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_float<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Integer(integer) if integer.big_text().is_some() => {
                visitor.visit_f64(integer.to_f64())
            }
            _ => self.visit_integer(visitor),
        }
    }

    fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Text(value) => visitor.visit_borrowed_str(value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Bytes(value) => visitor.visit_borrowed_bytes(value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_elements<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::List(list) => self.visit_list(list, visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_nothing<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match (self.value, self.position) {
            (Value::Nil, _) => visitor.visit_unit(),
            (Value::Map(map), Position::Body) => {
                // Whether keys that nobody asked for may be there is for the schema to say.
                if !map.is_empty() {
                    self.notes.is_lenient.set(true);
                }
                visitor.visit_unit()
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_ext<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let (code, payload) = match self.value {
            Value::DateTime(value) => (DATE_TIME, value.as_micros().to_be_bytes().to_vec()),
            Value::UtcDateTime(value) => (UTC_DATE_TIME, value.as_micros().to_be_bytes().to_vec()),
            Value::Date(value) => (DATE, value.to_payload().to_vec()),
            Value::Time(value) => (TIME, value.to_payload().to_vec()),
            Value::Decimal(value) => (DECIMAL, value.to_payload()),
            Value::Amount(value) => (AMOUNT, value.to_payload().to_vec()),
            _ => return Err(self.mismatch(&visitor)),
        };
        visitor.visit_newtype_struct(PairDeserializer::new(code, payload))
    }

    fn visit_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Nil => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => match value.big_text() {
                None => self.visit_integer(visitor),
                Some(text) => visitor
                    .visit_newtype_struct(PairDeserializer::new(BIG_INTEGER, text.as_bytes())),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(value) => visitor.visit_borrowed_str(value),
            Value::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Value::List(list) => self.visit_list(list, visitor),
            Value::Map(_) => self.visit_map(Position::Element, visitor),
            _ => self.visit_ext(visitor),
        }
    }
}

fn exhausted<T>(length: usize, left: usize, value: T) -> Result<T> {
    if left == 0 {
        return Ok(value);
    }
    Err(Error::invalid_length(
        length,
        &format!("{} elements", length - left).as_str(),
    ))
}

macro_rules! forward {
    ($($method:ident)* => $to:ident) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
                self.$to(visitor)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for Deserializer<'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Value::Nil | Value::Bytes(_) | Value::List(_) = self.value {
            self.notes.is_lenient.set(true);
        }
        self.visit_any(visitor)
    }

    forward! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 => visit_integer
    }
    forward! { deserialize_f32 deserialize_f64 => visit_float }
    forward! { deserialize_char deserialize_str deserialize_string => visit_text }
    forward! { deserialize_bytes deserialize_byte_buf => visit_bytes }
    forward! { deserialize_unit => visit_nothing }
    forward! { deserialize_seq => visit_elements }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.notes.key_is_identifier.set(true);
        self.visit_text(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.position == Position::Field || !self.value.is_nil() {
            return visitor.visit_some(self);
        }
        visitor.visit_none()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_nothing(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match name {
            EXT_NAME => self.visit_ext(visitor),
            VALUE_NAME => self.visit_any(visitor),
            NULLABLE_NAME if self.value.is_nil() => visitor.visit_unit(),
            NULLABLE_NAME => visitor.visit_some(self),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.visit_elements(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_elements(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_map(Position::Element, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_map(Position::Field, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.value {
            Value::Text(variant) => visitor.visit_enum(BorrowedStrDeserializer::new(variant)),
            Value::Map(map) => {
                let mut pairs = map.iter();
                match (pairs.next(), pairs.next()) {
                    (Some((variant, content)), None) => visitor.visit_enum(Variant {
                        parent: self.descend()?,
                        variant,
                        content,
                    }),
                    _ => Err(Error::invalid_value(
                        Unexpected::Map,
                        &"a map with a single key",
                    )),
                }
            }
            _ => Err(self.mismatch(&"text or a map with a single key")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

struct Elements<'de, 'a> {
    parent: Deserializer<'de, 'a>,
    elements: std::slice::Iter<'de, Value>,
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.elements.next() {
            Some(element) => seed
                .deserialize(self.parent.child(element, Position::Element))
                .map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

struct Pairs<'de, 'a> {
    parent: Deserializer<'de, 'a>,
    pairs: std::slice::Iter<'de, (Value, Value)>,
    value: Option<&'de Value>,
    position: Position,
}

impl<'de> MapAccess<'de> for Pairs<'de, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.pairs.next() {
            Some((key, value)) => {
                self.value = Some(value);
                self.parent.notes.key_is_identifier.set(false);
                if key.as_str().is_none() {
                    self.parent.notes.is_lenient.set(true);
                }
                seed.deserialize(self.parent.child(key, Position::Element))
                    .map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let position = if self.parent.notes.key_is_identifier.get() {
            Position::Field
        } else {
            self.position
        };
        match self.value.take() {
            Some(value) => seed.deserialize(self.parent.child(value, position)),
            None => Err(Error::custom("a value was asked for before its key")),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.pairs.len())
    }
}

/// The single pair of a map that stands for an enum.
struct Variant<'de, 'a> {
    parent: Deserializer<'de, 'a>,
    variant: &'de Value,
    content: &'de Value,
}

impl<'de, 'a> Variant<'de, 'a> {
    fn content(&self) -> Deserializer<'de, 'a> {
        self.parent.child(self.content, Position::Element)
    }
}

impl<'de> EnumAccess<'de> for Variant<'de, '_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        let variant = seed.deserialize(self.parent.child(self.variant, Position::Element))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de, '_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        if self.content.is_nil() {
            Ok(())
        } else {
            Err(self.content().mismatch(&"nil for a unit variant"))
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.content())
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.content().deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.content().visit_map(Position::Field, visitor)
    }
}
