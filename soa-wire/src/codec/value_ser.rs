//! serde's serializer to a [`Value`].
//!
//! It follows the same rules as MessagePack's: structs become maps with names, enums are tagged externally, and a
//! struct's field that is `None` is left out. For that, serializing gives an `Option<Value>`, which is `None` for a
//! `None`; in all other places than a field that becomes a nil.

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::error::EncodeError;
use super::ext::{self, BIG_INTEGER, EXT_NAME, NIL_NAME};
use super::integer::Integer;
use super::limit::MAX_DEPTH;
use super::position::is_field_name;
use super::types::Ext;
use super::value::{Map, Value};

type Result<T> = std::result::Result<T, EncodeError>;

/// Makes a dynamic value of a type.
///
/// # Errors
///
/// Fails if it is nested too deeply, or its `Serialize` fails.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    Serializer {
        levels: MAX_DEPTH,
        unit_is_map: false,
    }
    .nil_if_none(value)
}

/// Makes a map of a body. See [`Encoding::encode_body`](super::Encoding::encode_body).
pub(crate) fn to_body<T: Serialize + ?Sized>(body: &T) -> Result<Value> {
    let value = Serializer {
        levels: MAX_DEPTH,
        unit_is_map: true,
    }
    .nil_if_none(body)?;
    match value {
        Value::Map(_) => Ok(value),
        _ => Err(EncodeError::body_is_not_a_map(value.kind_name())),
    }
}

#[derive(Debug, Clone, Copy)]
struct Serializer {
    /// The number of lists and maps that may still be entered.
    levels: usize,
    /// True at the root of a body, where a unit is the empty map.
    unit_is_map: bool,
}

impl Serializer {
    fn nil_if_none<T: Serialize + ?Sized>(self, value: &T) -> Result<Value> {
        value
            .serialize(self)
            .map(|value| value.unwrap_or(Value::Nil))
    }

    fn descend(self) -> Result<Self> {
        Ok(Self {
            levels: self
                .levels
                .checked_sub(1)
                .ok_or_else(EncodeError::too_deep)?,
            unit_is_map: false,
        })
    }

    fn list(self, variant: Option<&'static str>, length: usize) -> Result<ListSerializer> {
        Ok(ListSerializer {
            elements: Vec::with_capacity(length),
            serializer: self.descend()?,
            variant,
        })
    }

    fn map(
        self,
        variant: Option<&'static str>,
        length: Option<usize>,
        skip_none: bool,
    ) -> Result<MapSerializer> {
        Ok(MapSerializer {
            map: Map::with_capacity(length.unwrap_or(0)),
            key: Value::Nil,
            serializer: self.descend()?,
            variant,
            skip_none,
            has_fields: false,
        })
    }
}

/// The map of an enum's variant, or the content itself if there is no variant.
fn wrap(variant: Option<&'static str>, content: Value) -> Option<Value> {
    Some(match variant {
        Some(variant) => Value::Map(Map::from([(variant, content)])),
        None => content,
    })
}

macro_rules! scalar {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, value: $type) -> Result<Option<Value>> {
            Ok(Some(Value::from(value)))
        })*
    };
}

impl ser::Serializer for Serializer {
    type Ok = Option<Value>;
    type Error = EncodeError;
    type SerializeSeq = ListSerializer;
    type SerializeTuple = ListSerializer;
    type SerializeTupleStruct = ListSerializer;
    type SerializeTupleVariant = ListSerializer;
    type SerializeMap = MapSerializer;
    type SerializeStruct = MapSerializer;
    type SerializeStructVariant = MapSerializer;

    scalar! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Option<Value>> {
        Ok(Some(Value::Bytes(bytes::Bytes::copy_from_slice(value))))
    }

    fn serialize_none(self) -> Result<Option<Value>> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Value>> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Option<Value>> {
        Ok(Some(if self.unit_is_map {
            Value::Map(Map::new())
        } else {
            Value::Nil
        }))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Option<Value>> {
        match name {
            NIL_NAME => Ok(Some(Value::Nil)),
            _ => self.serialize_unit(),
        }
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Option<Value>> {
        Ok(Some(Value::from(variant)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Value>> {
        if name != EXT_NAME {
            return value.serialize(self);
        }
        ext::serialize_pair(value, |code, payload| match code {
            BIG_INTEGER => std::str::from_utf8(payload)
                .ok()
                .and_then(Integer::from_digits)
                .map(|integer| Some(Value::Integer(integer)))
                .ok_or_else(|| EncodeError::new("invalid large integer")),
            _ => Ext::parse(code, payload)
                .map(|ext| Some(Value::from(ext)))
                .map_err(|error| EncodeError::new(error.to_string())),
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Option<Value>> {
        Ok(wrap(Some(variant), self.descend()?.nil_if_none(value)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<ListSerializer> {
        self.list(None, length.unwrap_or(0))
    }

    fn serialize_tuple(self, length: usize) -> Result<ListSerializer> {
        self.list(None, length)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<ListSerializer> {
        self.list(None, length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<ListSerializer> {
        self.descend()?.list(Some(variant), length)
    }

    /// Begins a map. One of unknown length may be a struct that flattens another: see [`is_field_name`].
    fn serialize_map(self, length: Option<usize>) -> Result<MapSerializer> {
        let mut map = self.map(None, length, false)?;
        map.has_fields = length.is_none();
        Ok(map)
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<MapSerializer> {
        self.map(None, Some(length), true)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<MapSerializer> {
        self.descend()?.map(Some(variant), Some(length), true)
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct ListSerializer {
    elements: Vec<Value>,
    serializer: Serializer,
    variant: Option<&'static str>,
}

macro_rules! list {
    ($($trait:ident $method:ident)*) => {
        $(
            impl $trait for ListSerializer {
                type Ok = Option<Value>;
                type Error = EncodeError;

                fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                    self.elements.push(self.serializer.nil_if_none(value)?);
                    Ok(())
                }

                fn end(self) -> Result<Option<Value>> {
                    Ok(wrap(self.variant, Value::List(self.elements)))
                }
            }
        )*
    };
}

list! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

#[derive(Debug)]
struct MapSerializer {
    map: Map,
    /// The key whose value comes next.
    key: Value,
    serializer: Serializer,
    variant: Option<&'static str>,
    /// True if a pair whose value is `None` is left out.
    skip_none: bool,
    /// True if the names of fields may be among the keys.
    has_fields: bool,
}

impl MapSerializer {
    fn pair<T: Serialize + ?Sized>(&mut self, key: Value, value: &T) -> Result<()> {
        match value.serialize(self.serializer)? {
            Some(value) => self.map.push(key, value),
            None if self.skip_none => {}
            None => self.map.push(key, Value::Nil),
        }
        Ok(())
    }

    fn finish(self) -> Option<Value> {
        wrap(self.variant, Value::Map(self.map))
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {
        $(
            impl $trait for MapSerializer {
                type Ok = Option<Value>;
                type Error = EncodeError;

                fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
                    self.pair(Value::from(key), value)
                }

                fn end(self) -> Result<Option<Value>> {
                    Ok(self.finish())
                }
            }
        )*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for MapSerializer {
    type Ok = Option<Value>;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.skip_none = self.has_fields && is_field_name::<T>();
        self.key = self.serializer.nil_if_none(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let key = std::mem::take(&mut self.key);
        self.pair(key, value)
    }

    fn end(self) -> Result<Option<Value>> {
        Ok(self.finish())
    }
}
