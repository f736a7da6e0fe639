//! Any value of the wire.
//!
//! A [`Value`] is the content of a message without a type: the body of an untyped action, or a body that a middleware or
//! a schema looks into. It keeps every type of the wire apart, so reading bytes
//! into a `Value` and writing them again loses nothing.
//!
//! Values compare exactly. In particular floats are compared by their bits: a NaN equals itself, because a message that
//! holds one must equal its own copy, and `-0.0` is not `0.0`, because they are written differently. An integer never
//! equals a float.
//!
//! The readers bound how deep a value can be nested (by [`MAX_DEPTH`](super::MAX_DEPTH)), and the writers refuse what is
//! deeper.

use std::fmt::{self, Formatter};

use bytes::Bytes;

use super::integer::Integer;
use super::types::{Amount, Blob, Date, DateTime, Decimal, Ext, Nullable, Time, UtcDateTime};

/// Any value of the wire.
///
/// ```
/// # use soa_wire::{codec::Value, value};
/// let body = value!({"number": 12, "tags": ["a", "b"]});
/// assert_eq!(body.get("number").and_then(Value::as_i64), Some(12));
/// assert_eq!(body.get("tags").map(Value::kind_name), Some("list"));
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// Python's `None`.
    #[default]
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number of any size; MessagePack carries those of 64 bits.
    Integer(Integer),
    /// A floating point number, including the infinities and NaN.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// A list.
    List(Vec<Value>),
    /// A map, with keys of any type.
    Map(Map),
    /// A date-time without zone.
    DateTime(DateTime),
    /// A date-time in UTC.
    UtcDateTime(UtcDateTime),
    /// A day of the calendar.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A decimal number.
    Decimal(Decimal),
    /// An amount of money.
    Amount(Amount),
}

/// An ordered map from [`Value`] to [`Value`].
///
/// Two maps are equal when they hold equal pairs in the same order, as that is what their bytes show.
///
/// ```
/// # use soa_wire::codec::Map;
/// let mut map = Map::from([("a", 1), ("b", 2)]);
/// map.insert("a", 3);
/// assert_eq!(map.get("a").and_then(|value| value.as_i64()), Some(3));
/// assert_eq!(map.len(), 2);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Map(pub(super) Vec<(Value, Value)>);

impl Value {
    /// True if this is nil.
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_integer()?.as_i64()
    }

    /// The number, if it is an integer that fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_integer()?.as_u64()
    }

    /// The number, if it is an integer.
    pub const fn as_integer(&self) -> Option<&Integer> {
        match self {
            Self::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// A number as a float: a float itself, or the nearest one to an integer.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(*float),
            Self::Integer(integer) => Some(integer.to_f64()),
            _ => None,
        }
    }

    /// The number, if it is a float. `None` for an integer.
    pub const fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub const fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(value) => Some(value),
            _ => None,
        }
    }

    /// The pairs, if it is a map.
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The pairs for changes, if it is a map.
    pub const fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The value under a key of text, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The name of this kind of value in a message to a person.
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::DateTime(_) => "date-time",
            Self::UtcDateTime(_) => "date-time in UTC",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Decimal(_) => "decimal",
            Self::Amount(_) => "currency amount",
        }
    }

    /// True if Python treats this as true. Nil, false, zeros, and everything empty are false.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Integer(value) => !value.is_zero(),
            Self::Float(value) => *value != 0.0,
            Self::Text(value) => !value.is_empty(),
            Self::Bytes(value) => !value.is_empty(),
            Self::List(value) => !value.is_empty(),
            Self::Map(value) => !value.is_empty(),
            Self::Decimal(value) => !value.is_zero(),
            Self::Amount(value) => value.minor() != 0,
            Self::DateTime(_) | Self::UtcDateTime(_) | Self::Date(_) | Self::Time(_) => true,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Integer(left), Self::Integer(right)) => left == right,
            (Self::Float(left), Self::Float(right)) => left.to_bits() == right.to_bits(),
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::List(left), Self::List(right)) => left == right,
            (Self::Map(left), Self::Map(right)) => left == right,
            (Self::DateTime(left), Self::DateTime(right)) => left == right,
            (Self::UtcDateTime(left), Self::UtcDateTime(right)) => left == right,
            (Self::Date(left), Self::Date(right)) => left == right,
            (Self::Time(left), Self::Time(right)) => left == right,
            (Self::Decimal(left), Self::Decimal(right)) => left == right,
            (Self::Amount(left), Self::Amount(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Bytes(value) => value.fmt(f),
            Self::List(value) => value.fmt(f),
            Self::Map(value) => value.fmt(f),
            Self::DateTime(value) => write!(f, "DateTime({value})"),
            Self::UtcDateTime(value) => write!(f, "UtcDateTime({value})"),
            Self::Date(value) => write!(f, "Date({value})"),
            Self::Time(value) => write!(f, "Time({value})"),
            Self::Decimal(value) => write!(f, "Decimal({value})"),
            Self::Amount(value) => write!(f, "Amount({value})"),
        }
    }
}

macro_rules! from {
    ($($variant:ident($type:ty)),* $(,)?) => {
        $(
            impl From<$type> for Value {
                fn from(value: $type) -> Self {
                    Self::$variant(value.into())
                }
            }
        )*
    };
}

from! {
    Bool(bool),
    Integer(i8), Integer(i16), Integer(i32), Integer(i64), Integer(i128), Integer(isize),
    Integer(u8), Integer(u16), Integer(u32), Integer(u64), Integer(u128), Integer(usize),
    Integer(Integer),
    Float(f32), Float(f64),
    Text(char), Text(&str), Text(String),
    Bytes(Bytes), Bytes(Blob),
    List(Vec<Value>),
    Map(Map),
    DateTime(DateTime), UtcDateTime(UtcDateTime), Date(Date), Time(Time), Decimal(Decimal), Amount(Amount),
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Nil
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl<T: Into<Value>> From<Nullable<T>> for Value {
    fn from(value: Nullable<T>) -> Self {
        value.into_option().into()
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }
}

impl From<Ext<'_>> for Value {
    fn from(ext: Ext<'_>) -> Self {
        match ext {
            Ext::DateTime(value) => Self::DateTime(value),
            Ext::UtcDateTime(value) => Self::UtcDateTime(value),
            Ext::Date(value) => Self::Date(value),
            Ext::Time(value) => Self::Time(value),
            Ext::Decimal(text) => Self::Decimal(Decimal::from_checked(text)),
            Ext::Amount(value) => Self::Amount(value),
        }
    }
}

/// A [`Value`](crate::codec::Value) written like JSON.
///
/// Every element, key and value is one token tree: a literal, `nil`, a list, a map, a name, or an expression in
/// parentheses whose type converts into a value.
///
/// ```
/// # use soa_wire::{codec::{Date, Value}, value};
/// let today = Date::new(2026, 11, 21)?;
/// let value = value!({"on": today, "offset": (-1), "rows": [1, 2.5, nil, {"deep": true}]});
/// assert_eq!(value.get("on"), Some(&Value::Date(today)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! value {
    (nil) => {
        $crate::codec::Value::Nil
    };
    ([$($element:tt),* $(,)?]) => {
        $crate::codec::Value::List(::std::vec![$($crate::value!($element)),*])
    };
    ({$($key:tt: $value:tt),* $(,)?}) => {
        $crate::codec::Value::Map(<$crate::codec::Map as ::core::convert::From<_>>::from(::std::vec![
            $(($crate::value!($key), $crate::value!($value))),*
        ]))
    };
    (($value:expr)) => {
        <$crate::codec::Value as ::core::convert::From<_>>::from($value)
    };
    ($value:expr) => {
        <$crate::codec::Value as ::core::convert::From<_>>::from($value)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_equal_when_their_bits_are() {
        assert_eq!(Value::from(f64::NAN), Value::from(f64::NAN));
        assert_ne!(Value::from(0.0), Value::from(-0.0));
        assert_ne!(Value::from(1.0), Value::from(1));
    }

    #[test]
    fn what_python_takes_for_true_is_truthy() {
        for falsy in [
            value!(nil),
            value!(false),
            value!(0),
            value!((-0.0)),
            value!(""),
            value!([]),
            value!({}),
            Value::from(Blob::default()),
            Value::from("0.00".parse::<Decimal>().unwrap()),
            Value::from(Amount::new("USD", 0).unwrap()),
        ] {
            assert!(!falsy.is_truthy(), "{falsy:?}");
        }
        for truthy in [
            value!(true),
            value!((-1)),
            value!((f64::NAN)),
            value!(" "),
            value!([nil]),
            value!({"": nil}),
            Value::from(Time::MIDNIGHT),
            Value::from("NaN".parse::<Decimal>().unwrap()),
        ] {
            assert!(truthy.is_truthy(), "{truthy:?}");
        }
    }

    #[test]
    fn a_value_shows_itself_readably() {
        let value = value!({
            "a": [1, 2.0, nil, true, "x"],
            7: (Date::MAX),
            "amount": (Amount::new("USD", 5).unwrap()),
            "bytes": (Blob::from([1, 255])),
        });
        insta::assert_snapshot!(
            format!("{value:?}"),
            @r#"{"a": [1, 2.0, nil, true, "x"], 7: Date(9999-12-31), "amount": Amount(USD 5), "bytes": b"\x01\xff"}"#
        );
    }
}
