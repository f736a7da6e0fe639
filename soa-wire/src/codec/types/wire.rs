//! The six ext types in serde: written and read by the convention of the `ext` module.
//!
//! Reading works wherever serde can put a field: directly, behind an `Option`, and behind the buffers of `flatten` and
//! `untagged`. The latter peel off one newtype for each that the user's type has, or none, so what arrives here may be
//! the newtype of the convention or the pair within it.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Amount, Date, DateTime, Decimal, Time, UtcDateTime};
use crate::codec::ext::{self, EXT_NAME, Ext};

trait FromExt: Sized {
    const EXPECTED: &'static str;

    fn from_ext(ext: Ext<'_>) -> Option<Self>;
}

struct ExtVisitor<T>(PhantomData<T>);

impl<'de, T: FromExt> Visitor<'de> for ExtVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, pair: A) -> Result<T, A::Error> {
        let (code, payload) = ext::read_pair(pair)?;
        let ext = Ext::parse(code, &payload).map_err(Error::custom)?;
        T::from_ext(ext).ok_or_else(|| {
            Error::custom(format_args!(
                "invalid type: {}, expected {}",
                Ext::name(code),
                T::EXPECTED
            ))
        })
    }
}

macro_rules! ext_type {
    ($type:ident, $code:ident, $expected:literal, |$value:ident| $payload:expr, |$part:ident| $from:expr) => {
        impl Serialize for $type {
            #[inline]
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                ext::serialize(serializer, ext::$code, &$payload)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            #[inline]
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(EXT_NAME, ExtVisitor(PhantomData))
            }
        }

        impl FromExt for $type {
            const EXPECTED: &'static str = $expected;

            #[inline]
            fn from_ext(ext: Ext<'_>) -> Option<Self> {
                match ext {
                    Ext::$type($part) => Some($from),
                    _ => None,
                }
            }
        }
    };
}

ext_type!(
    DateTime,
    DATE_TIME,
    "a date-time without zone",
    |value| value.as_micros().to_be_bytes(),
    |value| value
);
ext_type!(
    UtcDateTime,
    UTC_DATE_TIME,
    "a date-time in UTC",
    |value| value.as_micros().to_be_bytes(),
    |value| value
);
ext_type!(Date, DATE, "a date", |value| value.to_payload(), |value| {
    value
});
ext_type!(Time, TIME, "a time", |value| value.to_payload(), |value| {
    value
});
ext_type!(
    Decimal,
    DECIMAL,
    "a decimal",
    |value| value.to_payload(),
    |value| Decimal::from_checked(value)
);
ext_type!(
    Amount,
    AMOUNT,
    "a currency amount",
    |value| value.to_payload(),
    |value| value
);
