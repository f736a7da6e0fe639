//! serde's deserializer over a slice.
//!
//! It goes by what the type asks for, and refuses anything else itself: visitors are more lenient than the wire is (the
//! one for text takes bytes, the one for structs takes lists). Where a type asks for anything, integers are visited as
//! 64 bits wide, and ext types as newtypes around a pair (see the `ext` module).

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer as _, EnumAccess, Error, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::super::MAX_DEPTH;
use super::super::error::DecodeError;
use super::super::ext::{EXT_NAME, Ext, NULLABLE_NAME, PairDeserializer, VALUE_NAME};
use super::super::position::Position;
use super::read::{Head, Int, Reader};

#[derive(Debug)]
pub(super) struct Deserializer<'de> {
    reader: Reader<'de>,
    /// How many lists and maps may still be entered.
    levels: usize,
    /// Where the value stands that is read next. Whoever enters a list or a map sets it before each of its values.
    position: Position,
    /// Whether the last key was asked for as an identifier: then it is a struct's, and its value is a field.
    key_is_identifier: bool,
    is_lenient: bool,
}

type Result<T> = std::result::Result<T, DecodeError>;

impl<'de> Deserializer<'de> {
    pub(super) fn new(input: &'de [u8], position: Position) -> Self {
        Self {
            reader: Reader::new(input),
            levels: MAX_DEPTH,
            position,
            key_is_identifier: false,
            is_lenient: false,
        }
    }

    pub(super) fn end(&self) -> Result<()> {
        self.reader.end()
    }

    pub(super) fn offset(&self) -> usize {
        self.reader.offset()
    }

    pub(super) fn is_lenient(&self) -> bool {
        self.is_lenient
    }

    /// The error for a value of another kind than expected, which is the next one.
    #[cold]
    fn mismatch(&mut self, expected: &dyn Expected) -> DecodeError {
        let start = self.reader.offset();
        let error = match self.reader.head() {
            Ok(Head::Nil) => Error::invalid_type(Unexpected::Unit, expected),
            Ok(Head::Bool(value)) => Error::invalid_type(Unexpected::Bool(value), expected),
            Ok(Head::Integer(Int::Unsigned(value))) => {
                Error::invalid_type(Unexpected::Unsigned(value), expected)
            }
            Ok(Head::Integer(Int::Signed(value))) => {
                Error::invalid_type(Unexpected::Signed(value), expected)
            }
            Ok(Head::Float(value)) => Error::invalid_type(Unexpected::Float(value), expected),
            // What the text is, is not repeated: it may be long, and it may be secret.
            Ok(Head::Text(bytes)) => match self.reader.utf8(bytes) {
                Ok(_) => Error::invalid_type(Unexpected::Other("text"), expected),
                Err(error) => error,
            },
            Ok(Head::Bytes(_)) => Error::invalid_type(Unexpected::Other("bytes"), expected),
            Ok(Head::List(_)) => Error::invalid_type(Unexpected::Other("list"), expected),
            Ok(Head::Map(_)) => Error::invalid_type(Unexpected::Map, expected),
            Ok(Head::Ext(code, payload)) => match Ext::parse(code, payload) {
                Ok(_) => Error::invalid_type(Unexpected::Other(Ext::name(code)), expected),
                Err(error) => DecodeError::from(error),
            },
            Err(error) => return error,
        };
        error.at(start)
    }

    #[inline]
    fn enter(&mut self) -> Result<()> {
        match self.levels.checked_sub(1) {
            Some(levels) => {
                self.levels = levels;
                Ok(())
            }
            None => Err(DecodeError::too_deep()),
        }
    }

    #[inline]
    fn visit_list<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value> {
        self.enter()?;
        let mut elements = Access {
            left: length,
            position: Position::Element,
            deserializer: self,
        };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.left > 0 {
            return Err(too_long(length, length - elements.left));
        }
        self.levels += 1;
        Ok(value)
    }

    #[inline]
    fn visit_map<V: Visitor<'de>>(
        &mut self,
        length: usize,
        position: Position,
        visitor: V,
    ) -> Result<V::Value> {
        self.enter()?;
        let mut pairs = Access {
            left: length,
            position,
            deserializer: self,
        };
        let value = visitor.visit_map(&mut pairs)?;
        if pairs.left > 0 {
            return Err(too_long(length, length - pairs.left));
        }
        self.levels += 1;
        Ok(value)
    }

    #[inline]
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.integer()? {
            Some(Int::Unsigned(value)) => visitor.visit_u64(value),
            Some(Int::Signed(value)) => visitor.visit_i64(value),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.float()? {
            Some(value) => visitor.visit_f64(value),
            None => self.visit_integer(visitor),
        }
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.text()? {
            Some(value) => visitor.visit_borrowed_str(value),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_bytes<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.bytes()? {
            Some(value) => visitor.visit_borrowed_bytes(value),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_fields<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.map()? {
            Some(length) => self.visit_map(length, Position::Field, visitor),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_elements<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.list()? {
            Some(length) => self.visit_list(length, visitor),
            None => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_nothing<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        if self.position == Position::Body {
            // Whether keys that nobody asked for may be there is for the schema to say.
            self.is_lenient |= !self.reader.next_is_empty_map();
            self.reader.skip()?;
        } else if !self.reader.nil() {
            return Err(self.mismatch(&visitor));
        }
        visitor.visit_unit()
    }

    fn visit_ext<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.checked_ext()? {
            Some((code, payload, _)) => {
                visitor.visit_newtype_struct(PairDeserializer::new(code, payload))
            }
            None => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.offset();
        match self.reader.head()? {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Integer(Int::Unsigned(value)) => visitor.visit_u64(value),
            Head::Integer(Int::Signed(value)) => visitor.visit_i64(value),
            Head::Float(value) => visitor.visit_f64(value),
            Head::Text(bytes) => visitor.visit_borrowed_str(self.reader.utf8(bytes)?),
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::List(length) => self.visit_list(length, visitor),
            Head::Map(length) => self.visit_map(length, Position::Element, visitor),
            Head::Ext(code, payload) => match Ext::parse(code, payload) {
                Ok(_) => visitor.visit_newtype_struct(PairDeserializer::new(code, payload)),
                Err(error) => Err(DecodeError::from(error).at(start)),
            },
        }
    }
}

#[cold]
fn too_long(length: usize, read: usize) -> DecodeError {
    Error::invalid_length(length, &format!("{read} elements").as_str())
}

macro_rules! forward {
    ($($method:ident)* => $to:ident) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
                self.$to(visitor)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.is_lenient |= self.reader.next_is_lenient();
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

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.key_is_identifier = true;
        self.visit_text(visitor)
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.reader.bool()? {
            Some(value) => visitor.visit_bool(value),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.position == Position::Field || !self.reader.nil() {
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

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match name {
            EXT_NAME => self.visit_ext(visitor),
            VALUE_NAME => self.visit_any(visitor),
            NULLABLE_NAME if self.reader.nil() => visitor.visit_unit(),
            NULLABLE_NAME => visitor.visit_some(self),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.visit_elements(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_elements(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.reader.map()? {
            Some(length) => self.visit_map(length, Position::Element, visitor),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_fields(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if let Some(variant) = self.reader.text()? {
            return visitor.visit_enum(BorrowedStrDeserializer::new(variant));
        }
        match self.reader.map()? {
            Some(1) => {
                self.enter()?;
                let value = visitor.visit_enum(Variant { deserializer: self })?;
                self.levels += 1;
                Ok(value)
            }
            Some(_) => Err(Error::invalid_value(
                Unexpected::Map,
                &"a map with a single key",
            )),
            None => Err(self.mismatch(&"text or a map with a single key")),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// The elements of a list, or the pairs of a map.
struct Access<'a, 'de> {
    deserializer: &'a mut Deserializer<'de>,
    left: usize,
    position: Position,
}

impl Access<'_, '_> {
    fn size_hint(&self) -> usize {
        self.left.min(self.deserializer.reader.remaining())
    }
}

impl<'de> SeqAccess<'de> for Access<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        self.deserializer.position = self.position;
        seed.deserialize(&mut *self.deserializer).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.size_hint())
    }
}

impl<'de> MapAccess<'de> for Access<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        self.deserializer.position = Position::Element;
        self.deserializer.key_is_identifier = false;
        self.deserializer.is_lenient |= !self.deserializer.reader.next_is_text();
        seed.deserialize(&mut *self.deserializer).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        self.deserializer.position = if self.deserializer.key_is_identifier {
            Position::Field
        } else {
            self.position
        };
        seed.deserialize(&mut *self.deserializer)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.size_hint())
    }
}

/// The single pair of a map that stands for an enum.
struct Variant<'a, 'de> {
    deserializer: &'a mut Deserializer<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        self.deserializer.position = Position::Element;
        let variant = seed.deserialize(&mut *self.deserializer)?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        if self.deserializer.reader.nil() {
            Ok(())
        } else {
            Err(self.deserializer.mismatch(&"nil for a unit variant"))
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.deserializer.position = Position::Element;
        seed.deserialize(self.deserializer)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.deserializer.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserializer.visit_fields(visitor)
    }
}
