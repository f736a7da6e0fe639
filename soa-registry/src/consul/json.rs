//! Parts of an answer in JSON that anybody may have written, in any form.
//!
//! Anything that is no part of an instance is passed over while it is read, and takes no memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A part that is read from some kinds of values. It is the default one if the value is of another kind.
pub(super) trait Part: Default {
    fn text(_: &str) -> Self {
        Self::default()
    }

    fn number(_: u64) -> Self {
        Self::default()
    }

    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

/// Reads a part from any value.
#[derive(Debug, Default)]
pub(super) struct Lenient<P>(pub(super) P);

struct Reader<P>(PhantomData<P>);

impl<'de, P: Part> Deserialize<'de> for Lenient<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = deserializer.deserialize_any(Reader(PhantomData))?;
        Ok(Self(part))
    }
}

impl<'de, P: Part> Visitor<'de> for Reader<P> {
    type Value = P;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<P, E> {
        Ok(P::number(number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<P, E> {
        Ok(P::text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<P, A::Error> {
        P::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<P, A::Error> {
        P::map(map)
    }
}

/// A text, if it is one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Option<String>);

impl Part for Text {
    fn text(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

/// A number from 0, if it is one.
#[derive(Debug, Default)]
pub(super) struct Number(pub(super) Option<u64>);

impl Part for Number {
    fn number(number: u64) -> Self {
        Self(Some(number))
    }
}

/// Reads a map by its fields, and has all of them at their defaults where there is none.
macro_rules! by_fields {
    ($($part:ty),*) => {$(
        impl $crate::consul::json::Part for $part {
            fn map<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
                $crate::consul::json::fields(map)
            }
        }
    )*};
}

pub(super) use by_fields;

pub(super) fn fields<'de, A: MapAccess<'de>, P: Deserialize<'de>>(map: A) -> Result<P, A::Error> {
    P::deserialize(MapAccessDeserializer::new(map))
}
