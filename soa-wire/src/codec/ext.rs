//! Ext types: their codes and payloads, and how they pass through serde.
//!
//! serde has no ext types. The convention, which is that of rmp-serde, is a newtype struct of the name `_ExtStruct`
//! around a pair of the code (an `i8`) and the payload (bytes). A serializer that knows the name catches the pair with
//! [`serialize_pair`]; a deserializer hands the pair out as a [`PairDeserializer`], from `deserialize_newtype_struct` and
//! from `deserialize_any` alike, so that serde's own buffers keep it and hand it out again.
//!
//! One thing is added, so that a pair is never confused with a list of a number and bytes: a code is always visited by
//! `visit_i8`, and no other number ever is. serde's buffers keep that apart.
//!
//! Other reserved names: `$soa::Nullable` around [`Nullable`](super::Nullable), `$soa::Value` around
//! [`Value`](super::Value) (which accepts a nil), and the unit struct `$soa::Nil`, which is nil even where
//! a unit is the empty map. The pseudo-code [`BIG_INTEGER`] carries numbers beyond 64 bits; it never reaches the wire.

use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::value::{BorrowedBytesDeserializer, BytesDeserializer, I8Deserializer};
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Unexpected, Visitor};
use serde::ser::{Impossible, SerializeTuple};
use serde::{Serialize, Serializer, forward_to_deserialize_any};

use super::error::EncodeError;

pub(crate) const EXT_NAME: &str = rmp_serde::MSGPACK_EXT_STRUCT_NAME;
pub(crate) const NULLABLE_NAME: &str = "$soa::Nullable";
pub(crate) const VALUE_NAME: &str = "$soa::Value";
pub(crate) const NIL_NAME: &str = "$soa::Nil";

pub(crate) const DATE_TIME: i8 = 1;
pub(crate) const AMOUNT: i8 = 2;
pub(crate) const DATE: i8 = 3;
pub(crate) const TIME: i8 = 4;
pub(crate) const DECIMAL: i8 = 5;
pub(crate) const UTC_DATE_TIME: i8 = 10;
pub(crate) const BIG_INTEGER: i8 = -128;

/// Bytes that serialize as bytes.
pub(crate) struct Payload<'a>(pub(crate) &'a [u8]);

impl Serialize for Payload<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Serializes an ext type by the convention.
#[inline]
pub(crate) fn serialize<S: Serializer>(
    serializer: S,
    code: i8,
    payload: &[u8],
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(EXT_NAME, &(code, Payload(payload)))
}

/// Gives the pair that `value` serializes as to `sink`.
pub(crate) fn serialize_pair<T, R, F>(value: &T, sink: F) -> Result<R, EncodeError>
where
    T: Serialize + ?Sized,
    F: FnOnce(i8, &[u8]) -> Result<R, EncodeError>,
{
    value.serialize(PairSerializer {
        code: None,
        sink: Some(sink),
        result: None,
    })
}

/// Catches `(i8, bytes)`.
struct PairSerializer<R, F> {
    code: Option<i8>,
    sink: Option<F>,
    result: Option<R>,
}

fn not_a_pair<T>() -> Result<T, EncodeError> {
    Err(EncodeError::new(
        "`_ExtStruct` is reserved for pairs of an i8 and bytes",
    ))
}

macro_rules! refuse {
    ($($method:ident($($ty:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $ty),*) -> Result<$ok, EncodeError> {
            not_a_pair()
        })*
    };
}

macro_rules! refuse_generic {
    ($($method:ident($($ty:ty),*);)*) => {
        $(fn $method<T: Serialize + ?Sized>(self, $(_: $ty,)* _: &T) -> Result<Self::Ok, EncodeError> {
            not_a_pair()
        })*
    };
}

impl<R, F> Serializer for PairSerializer<R, F>
where
    F: FnOnce(i8, &[u8]) -> Result<R, EncodeError>,
{
    type Ok = R;
    type Error = EncodeError;
    type SerializeSeq = Impossible<R, EncodeError>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Impossible<R, EncodeError>;
    type SerializeTupleVariant = Impossible<R, EncodeError>;
    type SerializeMap = Impossible<R, EncodeError>;
    type SerializeStruct = Impossible<R, EncodeError>;
    type SerializeStructVariant = Impossible<R, EncodeError>;

    fn serialize_tuple(self, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    refuse! {
        serialize_bool(bool) -> R;
        serialize_i8(i8) -> R;
        serialize_i16(i16) -> R;
        serialize_i32(i32) -> R;
        serialize_i64(i64) -> R;
        serialize_u8(u8) -> R;
        serialize_u16(u16) -> R;
        serialize_u32(u32) -> R;
        serialize_u64(u64) -> R;
        serialize_f32(f32) -> R;
        serialize_f64(f64) -> R;
        serialize_char(char) -> R;
        serialize_str(&str) -> R;
        serialize_bytes(&[u8]) -> R;
        serialize_none() -> R;
        serialize_unit() -> R;
        serialize_unit_struct(&'static str) -> R;
        serialize_unit_variant(&'static str, u32, &'static str) -> R;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    refuse_generic! {
        serialize_some();
        serialize_newtype_struct(&'static str);
        serialize_newtype_variant(&'static str, u32, &'static str);
    }
}

impl<R, F> SerializeTuple for PairSerializer<R, F>
where
    F: FnOnce(i8, &[u8]) -> Result<R, EncodeError>,
{
    type Ok = R;
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        match (self.code, self.sink.take()) {
            (None, sink) => {
                self.code = Some(value.serialize(CodeSerializer)?);
                self.sink = sink;
            }
            (Some(code), Some(sink)) => {
                self.result = Some(value.serialize(PayloadSerializer { code, sink })?);
            }
            (Some(_), None) => return not_a_pair(),
        }
        Ok(())
    }

    fn end(self) -> Result<R, EncodeError> {
        self.result.map_or_else(not_a_pair, Ok)
    }
}

macro_rules! catch_one {
    ($method:ident($value:ty)) => {
        type Error = EncodeError;
        type SerializeSeq = Impossible<Self::Ok, EncodeError>;
        type SerializeTuple = Impossible<Self::Ok, EncodeError>;
        type SerializeTupleStruct = Impossible<Self::Ok, EncodeError>;
        type SerializeTupleVariant = Impossible<Self::Ok, EncodeError>;
        type SerializeMap = Impossible<Self::Ok, EncodeError>;
        type SerializeStruct = Impossible<Self::Ok, EncodeError>;
        type SerializeStructVariant = Impossible<Self::Ok, EncodeError>;

        refuse! {
            serialize_bool(bool) -> Self::Ok;
            serialize_i16(i16) -> Self::Ok;
            serialize_i32(i32) -> Self::Ok;
            serialize_i64(i64) -> Self::Ok;
            serialize_u8(u8) -> Self::Ok;
            serialize_u16(u16) -> Self::Ok;
            serialize_u32(u32) -> Self::Ok;
            serialize_u64(u64) -> Self::Ok;
            serialize_f32(f32) -> Self::Ok;
            serialize_f64(f64) -> Self::Ok;
            serialize_char(char) -> Self::Ok;
            serialize_str(&str) -> Self::Ok;
            serialize_none() -> Self::Ok;
            serialize_unit() -> Self::Ok;
            serialize_unit_struct(&'static str) -> Self::Ok;
            serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok;
            serialize_seq(Option<usize>) -> Self::SerializeSeq;
            serialize_tuple(usize) -> Self::SerializeTuple;
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
            serialize_map(Option<usize>) -> Self::SerializeMap;
            serialize_struct(&'static str, usize) -> Self::SerializeStruct;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
            $method($value) -> Self::Ok;
        }

        refuse_generic! {
            serialize_some();
            serialize_newtype_struct(&'static str);
            serialize_newtype_variant(&'static str, u32, &'static str);
        }
    };
}

struct CodeSerializer;

impl Serializer for CodeSerializer {
    type Ok = i8;

    catch_one!(serialize_bytes(&[u8]));

    #[inline]
    fn serialize_i8(self, code: i8) -> Result<i8, EncodeError> {
        Ok(code)
    }
}

struct PayloadSerializer<F> {
    code: i8,
    sink: F,
}

impl<R, F> Serializer for PayloadSerializer<F>
where
    F: FnOnce(i8, &[u8]) -> Result<R, EncodeError>,
{
    type Ok = R;

    catch_one!(serialize_i8(i8));

    #[inline]
    fn serialize_bytes(self, payload: &[u8]) -> Result<R, EncodeError> {
        (self.sink)(self.code, payload)
    }
}

/// Hands out a pair of a code and a payload, for any request.
#[derive(Debug)]
pub(crate) struct PairDeserializer<'de, E> {
    code: Option<i8>,
    payload: Option<Cow<'de, [u8]>>,
    error: PhantomData<E>,
}

impl<'de, E> PairDeserializer<'de, E> {
    pub(crate) fn new(code: i8, payload: impl Into<Cow<'de, [u8]>>) -> Self {
        Self {
            code: Some(code),
            payload: Some(payload.into()),
            error: PhantomData,
        }
    }
}

impl<'de, E: de::Error> Deserializer<'de> for PairDeserializer<'de, E> {
    type Error = E;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, E: de::Error> SeqAccess<'de> for PairDeserializer<'de, E> {
    type Error = E;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, E> {
        if let Some(code) = self.code.take() {
            return seed.deserialize(I8Deserializer::new(code)).map(Some);
        }
        match self.payload.take() {
            Some(Cow::Borrowed(payload)) => seed
                .deserialize(BorrowedBytesDeserializer::new(payload))
                .map(Some),
            Some(Cow::Owned(payload)) => {
                seed.deserialize(BytesDeserializer::new(&payload)).map(Some)
            }
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.code.is_some()) + usize::from(self.payload.is_some()))
    }
}

/// Reads a pair: a code, which must be visited as an `i8`, and a payload.
pub(crate) fn read_pair<'de, A: SeqAccess<'de>>(
    mut pair: A,
) -> Result<(i8, Cow<'de, [u8]>), A::Error> {
    let missing = || de::Error::invalid_type(Unexpected::Seq, &"an ext type");
    let code = pair.next_element_seed(CodeSeed)?.ok_or_else(missing)?;
    let payload = pair.next_element_seed(PayloadSeed)?.ok_or_else(missing)?;
    Ok((code, payload))
}

struct CodeSeed;

impl<'de> DeserializeSeed<'de> for CodeSeed {
    type Value = i8;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<i8, D::Error> {
        deserializer.deserialize_i8(self)
    }
}

impl Visitor<'_> for CodeSeed {
    type Value = i8;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the code of an ext type")
    }

    fn visit_i8<E: de::Error>(self, code: i8) -> Result<i8, E> {
        Ok(code)
    }
}

struct PayloadSeed;

impl<'de> DeserializeSeed<'de> for PayloadSeed {
    type Value = Cow<'de, [u8]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for PayloadSeed {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the payload of an ext type")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, payload: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(payload))
    }

    fn visit_bytes<E: de::Error>(self, payload: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(payload.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, payload: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Cow::Owned(payload))
    }
}
