//! `Serialize` and `Deserialize` of [`Value`], [`Map`] and [`Integer`].
//!
//! These are for values inside of typed structs; whole messages are read and written without serde. Reading a value
//! accepts anything. It asks for a newtype of a reserved name, so that the deserializer of this crate knows that a nil is
//! accepted; others see an ordinary newtype.
//!
//! The one ambiguity is the pair of an ext type's code and payload, which serde's buffers may hand out bare: the code is
//! visited by `visit_i8`, unlike any other number (see the `ext` module), and that is what a list looks for in its first
//! element.

use std::fmt::{self, Formatter};

use bytes::Bytes;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ext::{self, BIG_INTEGER, NIL_NAME, VALUE_NAME};
use super::integer::Integer;
use super::limit::MAX_RESERVED;
use super::types::Ext;
use super::value::{Map, Value};

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.big_text() {
            ext::serialize(serializer, BIG_INTEGER, text.as_bytes())
        } else if let Some(number) = self.as_i64() {
            serializer.serialize_i64(number)
        } else {
            // A number that is neither large nor an `i64` is a `u64`.
            serializer.serialize_u64(self.as_u64().unwrap_or(u64::MAX))
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit_struct(NIL_NAME),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => value.serialize(serializer),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(value) => value.serialize(serializer),
            Self::Map(value) => value.serialize(serializer),
            Self::DateTime(value) => value.serialize(serializer),
            Self::UtcDateTime(value) => value.serialize(serializer),
            Self::Date(value) => value.serialize(serializer),
            Self::Time(value) => value.serialize(serializer),
            Self::Decimal(value) => value.serialize(serializer),
            Self::Amount(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor)
    }
}

struct IntegerVisitor;

impl<'de> Visitor<'de> for IntegerVisitor {
    type Value = Integer;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Integer, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Integer, E> {
        Ok(number.into())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Integer, E> {
        Ok(number.into())
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Integer, E> {
        Ok(number.into())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Integer, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, pair: A) -> Result<Integer, A::Error> {
        match ext::read_pair(pair)? {
            (BIG_INTEGER, text) => big_integer(&text),
            (code, _) => Err(Error::custom(format_args!(
                "invalid type: {}, expected an integer",
                Ext::name(code)
            ))),
        }
    }
}

fn big_integer<E: Error>(text: &[u8]) -> Result<Integer, E> {
    std::str::from_utf8(text)
        .ok()
        .and_then(Integer::from_digits)
        .ok_or_else(|| E::custom("invalid large integer"))
}

fn from_pair<E: Error>(code: i8, payload: &[u8]) -> Result<Value, E> {
    if code == BIG_INTEGER {
        return big_integer(payload).map(Value::Integer);
    }
    Ext::parse(code, payload)
        .map(Value::from)
        .map_err(Error::custom)
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor)
    }
}

struct MapVisitor;

impl<'de> Visitor<'de> for MapVisitor {
    type Value = Map;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Map, A::Error> {
        let mut map = Map::with_capacity(bounded(pairs.size_hint()));
        while let Some((key, value)) = pairs.next_entry::<Value, Value>()? {
            map.push(key, value);
        }
        Ok(map)
    }
}

/// The length that memory is reserved for, as a peer may announce any length.
fn bounded(hint: Option<usize>) -> usize {
    hint.unwrap_or(0).min(MAX_RESERVED)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut code = None;
        deserializer.deserialize_newtype_struct(VALUE_NAME, ValueVisitor { code: &mut code })
    }
}

/// Reads any value. Sets `code` if it was the code of an ext type.
struct ValueVisitor<'a> {
    code: &'a mut Option<i8>,
}

impl<'de> DeserializeSeed<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE_NAME, self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i8<E: Error>(self, value: i8) -> Result<Value, E> {
        *self.code = Some(value);
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(Bytes::copy_from_slice(value)))
    }

    fn visit_byte_buf<E: Error>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(value.into()))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::with_capacity(bounded(elements.size_hint()));
        let mut code = None;
        let Some(first) = elements.next_element_seed(ValueVisitor { code: &mut code })? else {
            return Ok(Value::List(list));
        };
        list.push(first);
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        match (code, list.as_slice()) {
            (Some(code), [_, Value::Bytes(payload)]) => from_pair(code, payload),
            _ => Ok(Value::List(list)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, pairs: A) -> Result<Value, A::Error> {
        MapVisitor.visit_map(pairs).map(Value::Map)
    }
}
