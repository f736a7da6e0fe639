//! serde's deserializer, over any source.
//!
//! It reads only the kind of value that the type asks for, and refuses any other itself: visitors are more lenient than the
//! wire is (the one for text takes bytes, the one for structs takes lists). The meaning of a nil depends on its position (see
//! the `position` module). If a type asks for anything, integers are visited as 64 bits wide, and ext types as newtypes
//! around a pair (see the `ext` module); so are integers beyond 64 bits, which only a [`Value`](super::Value) can hold.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer as _, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::error::DecodeError;
use super::ext::{EXT_NAME, NULLABLE_NAME, PairDeserializer, VALUE_NAME};
use super::limit::MAX_DEPTH;
use super::position::Position;
use super::source::{Source, Token};

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads typed values out of a source.
#[derive(Debug)]
pub(super) struct Deserializer<S> {
    source: S,
    /// The number of lists and maps that may still be entered.
    levels: usize,
    /// The position of the value that is read next. The access to a list or a map sets it before each value.
    position: Position,
    /// True if the last key was asked for as an identifier: then it is a struct's, and its value is a field.
    key_is_identifier: bool,
    /// True if the key that is read next may be data: it is one of a map, or of a struct that flattens a map.
    key_may_be_data: bool,
    is_lenient: bool,
}

impl<S> Deserializer<S> {
    pub(super) fn new(source: S, position: Position) -> Self {
        Self {
            source,
            levels: MAX_DEPTH,
            position,
            key_is_identifier: false,
            key_may_be_data: false,
            is_lenient: false,
        }
    }

    /// The source, after the values that have been read.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    /// True if serde was lenient; see [`Decoded::is_lenient`](super::Decoded::is_lenient).
    pub(super) fn is_lenient(&self) -> bool {
        self.is_lenient
    }
}

impl<'de, S: Source<'de>> Deserializer<S> {
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
    fn visit_list<V: Visitor<'de>>(&mut self, list: S::List, visitor: V) -> Result<V::Value> {
        self.enter()?;
        let length = S::elements_left(&list);
        let mut elements = Elements {
            deserializer: self,
            list,
            length,
        };
        let value = visitor.visit_seq(&mut elements)?;
        let left = S::elements_left(&elements.list);
        if left > 0 {
            return Err(too_long(length, length - left));
        }
        self.levels += 1;
        Ok(value)
    }

    #[inline]
    fn visit_map<V: Visitor<'de>>(
        &mut self,
        map: S::Map,
        position: Position,
        visitor: V,
    ) -> Result<V::Value> {
        self.enter()?;
        let length = S::pairs_left(&map);
        let mut pairs = Pairs {
            deserializer: self,
            map,
            position,
        };
        let value = visitor.visit_map(&mut pairs)?;
        let left = S::pairs_left(&pairs.map);
        if left > 0 {
            return Err(too_long(length, length - left));
        }
        self.levels += 1;
        Ok(value)
    }

    #[inline]
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.source.visit_integer(visitor)
    }

    #[inline]
    fn visit_float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.source.float()? {
            Some(value) => {
                self.is_lenient |= value.is_nan();
                visitor.visit_f64(value)
            }
            None => self.source.visit_integer(visitor),
        }
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.source.text()? {
            Some(value) => visitor.visit_borrowed_str(value),
            None => Err(self.source.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_bytes<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.source.bytes()? {
            Some(value) => visitor.visit_borrowed_bytes(value),
            None => Err(self.source.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_pairs<V: Visitor<'de>>(&mut self, position: Position, visitor: V) -> Result<V::Value> {
        match self.source.map()? {
            Some(map) => self.visit_map(map, position, visitor),
            None => Err(self.source.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_elements<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.source.list()? {
            Some(list) => self.visit_list(list, visitor),
            None => Err(self.source.mismatch(&visitor)),
        }
    }

    fn visit_unit<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        if self.position == Position::Body {
            // The schema decides about keys that nobody asked for.
            self.is_lenient |= !self.source.is_empty_map();
            self.source.skip()?;
        } else if !self.source.nil() {
            return Err(self.source.mismatch(&visitor));
        }
        visitor.visit_unit()
    }

    fn visit_ext<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.source.ext()? {
            Some((code, payload)) => {
                visitor.visit_newtype_struct(PairDeserializer::new(code, payload))
            }
            None => Err(self.source.mismatch(&visitor)),
        }
    }

    fn visit_any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.source.token()? {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Float(value) => {
                self.is_lenient |= value.is_nan();
                visitor.visit_f64(value)
            }
            Token::Text(value) => visitor.visit_borrowed_str(value),
            Token::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Token::List(list) => self.visit_list(list, visitor),
            Token::Map(map) => self.visit_map(map, Position::Element, visitor),
            Token::Ext(code, payload) => {
                visitor.visit_newtype_struct(PairDeserializer::new(code, payload))
            }
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

impl<'de, S: Source<'de>> de::Deserializer<'de> for &mut Deserializer<S> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.is_lenient |= self.source.is_lenient();
        self.visit_any(visitor)
    }

    forward! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 => visit_integer
    }
    forward! { deserialize_f32 deserialize_f64 => visit_float }
    forward! { deserialize_char deserialize_str deserialize_string => visit_text }
    forward! { deserialize_bytes deserialize_byte_buf => visit_bytes }
    forward! { deserialize_unit => visit_unit }
    forward! { deserialize_seq => visit_elements }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.key_is_identifier = true;
        if self.key_may_be_data && !self.source.is_text() {
            // The key of a flattened map. A struct without one knows all of its keys, and has none but text.
            return self.visit_any(visitor);
        }
        self.visit_text(visitor)
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.source.bool()? {
            Some(value) => visitor.visit_bool(value),
            None => Err(self.source.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.position == Position::Field || !self.source.nil() {
            return visitor.visit_some(self);
        }
        visitor.visit_none()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_unit(visitor)
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
            NULLABLE_NAME if self.source.nil() => visitor.visit_unit(),
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
        self.visit_pairs(Position::Element, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_pairs(Position::Field, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if let Some(variant) = self.source.text()? {
            return visitor.visit_enum(BorrowedStrDeserializer::new(variant));
        }
        match self.source.map()? {
            Some(map) if S::pairs_left(&map) == 1 => {
                self.enter()?;
                let value = visitor.visit_enum(Variant {
                    deserializer: self,
                    map,
                })?;
                self.levels += 1;
                Ok(value)
            }
            Some(_) => Err(Error::invalid_value(
                Unexpected::Map,
                &"a map with a single key",
            )),
            None => Err(self.source.mismatch(&"text or a map with a single key")),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.source.skip()?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

struct Elements<'a, L, S> {
    deserializer: &'a mut Deserializer<S>,
    list: L,
    /// The number of all elements.
    length: usize,
}

impl<'de, S: Source<'de>> SeqAccess<'de> for Elements<'_, S::List, S> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.deserializer.source.next_element(&mut self.list) {
            return Ok(None);
        }
        self.deserializer.position = Position::Element;
        let element = seed.deserialize(&mut *self.deserializer);
        element.map(Some).map_err(|error| match S::NAMES_FIELDS {
            true => {
                let left = S::elements_left(&self.list) + 1;
                error.below(self.length.saturating_sub(left).to_string())
            }
            false => error,
        })
    }

    fn size_hint(&self) -> Option<usize> {
        let left = S::elements_left(&self.list);
        Some(self.deserializer.source.believable(left))
    }
}

struct Pairs<'a, M, S> {
    deserializer: &'a mut Deserializer<S>,
    map: M,
    /// The position of the values.
    position: Position,
}

impl<'de, S: Source<'de>> MapAccess<'de> for Pairs<'_, S::Map, S> {
    type Error = DecodeError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if !self.deserializer.source.next_key(&mut self.map) {
            return Ok(None);
        }
        self.deserializer.position = Position::Element;
        self.deserializer.key_is_identifier = false;
        self.deserializer.key_may_be_data = self.position == Position::Element;
        seed.deserialize(&mut *self.deserializer).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        self.deserializer.source.next_value(&mut self.map)?;
        self.deserializer.position = if self.deserializer.key_is_identifier {
            Position::Field
        } else {
            self.position
        };
        let value = seed.deserialize(&mut *self.deserializer);
        value.map_err(|error| below::<S>(&self.map, error))
    }

    fn size_hint(&self) -> Option<usize> {
        let left = S::pairs_left(&self.map);
        Some(self.deserializer.source.believable(left))
    }
}

/// Names the pair of a map in which an error is, if the source knows it.
#[inline]
fn below<'de, S: Source<'de>>(map: &S::Map, error: DecodeError) -> DecodeError {
    if !S::NAMES_FIELDS {
        return error;
    }
    match S::step(map) {
        Some(step) => error.below(step),
        None => error,
    }
}

/// The single pair of a map that stands for an enum.
struct Variant<'a, M, S> {
    deserializer: &'a mut Deserializer<S>,
    map: M,
}

impl<'de, S: Source<'de>> EnumAccess<'de> for Variant<'_, S::Map, S> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<(T::Value, Self)> {
        self.deserializer.source.next_key(&mut self.map);
        self.deserializer.position = Position::Element;
        let variant = seed.deserialize(&mut *self.deserializer)?;
        self.deserializer.source.next_value(&mut self.map)?;
        self.deserializer.position = Position::Element;
        Ok((variant, self))
    }
}

impl<'de, S: Source<'de>> VariantAccess<'de> for Variant<'_, S::Map, S> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        let source = &mut self.deserializer.source;
        if source.nil() {
            Ok(())
        } else {
            Err(source.mismatch(&"nil for a unit variant"))
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let value = seed.deserialize(self.deserializer);
        value.map_err(|error| below::<S>(&self.map, error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        let value = self.deserializer.deserialize_tuple(length, visitor);
        value.map_err(|error| below::<S>(&self.map, error))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let value = self.deserializer.visit_pairs(Position::Field, visitor);
        value.map_err(|error| below::<S>(&self.map, error))
    }
}
