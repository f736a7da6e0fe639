//! A [`Value`] as a source of serde.
//!
//! Integers beyond 64 bits are visited as 128 bits wide if the type asks for an integer, and as the pseudo-ext type if
//! it asks for anything.

use std::borrow::Cow;

use serde::de::{Deserialize, DeserializeOwned, Error, Visitor};

use super::decoded::Decoded;
use super::deserializer::Deserializer;
use super::error::DecodeError;
use super::ext::{AMOUNT, BIG_INTEGER, DATE, DATE_TIME, DECIMAL, TIME, UTC_DATE_TIME};
use super::position::Position;
use super::source::{Source, Token};
use super::value::Value;

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads a type out of a dynamic value.
///
/// # Errors
///
/// Fails if the value does not fit the type.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    from_value_ref(&value)
}

/// Reads a type out of a dynamic value, from which text and bytes may be borrowed.
///
/// # Errors
///
/// Fails if the value does not fit the type.
pub fn from_value_ref<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T> {
    read(value, Position::Element).map(|(value, _)| value)
}

/// Decodes a body, which is a map. See `Encoding::decode_body`.
pub(crate) fn decode_map<T: DeserializeOwned>(body: &Value) -> Result<Decoded<T>> {
    if body.as_map().is_none() {
        return Err(DecodeError::body_is_not_a_map(body.kind_name()));
    }
    let (value, is_lenient) = read(body, Position::Body)?;
    Ok(Decoded { value, is_lenient })
}

/// Reads a type. The flag is [`Decoded::is_lenient`](super::Decoded::is_lenient).
fn read<'de, T: Deserialize<'de>>(value: &'de Value, position: Position) -> Result<(T, bool)> {
    let mut deserializer = Deserializer::new(Current(value), position);
    let value = T::deserialize(&mut deserializer)?;
    Ok((value, deserializer.is_lenient()))
}

/// The value that is read next. Reading it does not move on: the lists and maps around it know their next values.
#[derive(Debug)]
struct Current<'de>(&'de Value);

struct Pairs<'de> {
    left: std::slice::Iter<'de, (Value, Value)>,
    /// The key that was read last.
    key: Option<&'de Value>,
    /// The value of the pair whose key was read last.
    value: Option<&'de Value>,
}

impl<'de> Source<'de> for Current<'de> {
    type List = std::slice::Iter<'de, Value>;
    type Map = Pairs<'de>;

    const NAMES_FIELDS: bool = true;

    fn step(map: &Self::Map) -> Option<String> {
        Some(match map.key? {
            Value::Text(text) => text.clone(),
            Value::Integer(integer) => integer.to_string(),
            other => format!("<{}>", other.kind_name()),
        })
    }

    #[inline]
    fn offset(&self) -> Option<usize> {
        None
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de, Self::List, Self::Map>> {
        Ok(match self.0 {
            Value::Nil => Token::Nil,
            Value::Bool(value) => Token::Bool(*value),
            Value::Integer(value) => match (value.as_i64(), value.as_u64()) {
                (Some(value), _) => Token::Signed(value),
                (None, Some(value)) => Token::Unsigned(value),
                (None, None) => {
                    let text = value.big_text().unwrap_or_default();
                    Token::Ext(BIG_INTEGER, Cow::Borrowed(text.as_bytes()))
                }
            },
            Value::Float(value) => Token::Float(*value),
            Value::Text(value) => Token::Text(value),
            Value::Bytes(value) => Token::Bytes(value),
            Value::List(list) => Token::List(list.iter()),
            Value::Map(map) => Token::Map(Pairs {
                left: map.iter(),
                key: None,
                value: None,
            }),
            Value::DateTime(value) => ext(DATE_TIME, value.as_micros().to_be_bytes()),
            Value::UtcDateTime(value) => ext(UTC_DATE_TIME, value.as_micros().to_be_bytes()),
            Value::Date(value) => ext(DATE, value.to_payload()),
            Value::Time(value) => ext(TIME, value.to_payload()),
            Value::Decimal(value) => ext(DECIMAL, value.to_payload()),
            Value::Amount(value) => ext(AMOUNT, value.to_payload()),
        })
    }

    #[inline]
    fn nil(&mut self) -> bool {
        self.0.is_nil()
    }

    #[inline]
    fn bool(&mut self) -> Result<Option<bool>> {
        Ok(self.0.as_bool())
    }

    #[inline]
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let Value::Integer(integer) = self.0 else {
            return Err(self.mismatch(&visitor));
        };
        match (integer.as_i64(), integer.as_u64()) {
            (Some(value), _) => visitor.visit_i64(value),
            (None, Some(value)) => visitor.visit_u64(value),
            (None, None) => match (integer.as_i128(), integer.as_u128()) {
                (Some(value), _) => visitor.visit_i128(value),
                (None, Some(value)) => visitor.visit_u128(value),
                (None, None) => Err(self.mismatch(&visitor)),
            },
        }
    }

    #[inline]
    fn float(&mut self) -> Result<Option<f64>> {
        Ok(match self.0 {
            Value::Float(value) => Some(*value),
            Value::Integer(integer) if integer.big_text().is_some() => Some(integer.to_f64()),
            _ => None,
        })
    }

    #[inline]
    fn text(&mut self) -> Result<Option<&'de str>> {
        Ok(self.0.as_str())
    }

    #[inline]
    fn bytes(&mut self) -> Result<Option<&'de [u8]>> {
        Ok(self.0.as_bytes().map(|bytes| &bytes[..]))
    }

    #[inline]
    fn list(&mut self) -> Result<Option<Self::List>> {
        Ok(self.0.as_list().map(<[Value]>::iter))
    }

    #[inline]
    fn map(&mut self) -> Result<Option<Self::Map>> {
        Ok(self.0.as_map().map(|map| Pairs {
            left: map.iter(),
            key: None,
            value: None,
        }))
    }

    #[inline]
    fn ext(&mut self) -> Result<Option<(i8, Cow<'de, [u8]>)>> {
        Ok(match self.token()? {
            Token::Ext(BIG_INTEGER, _) => None,
            Token::Ext(code, payload) => Some((code, payload)),
            _ => None,
        })
    }

    #[inline]
    fn skip(&mut self) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn is_lenient(&self) -> bool {
        matches!(self.0, Value::Nil | Value::Bytes(_) | Value::List(_))
    }

    #[inline]
    fn is_text(&self) -> bool {
        matches!(self.0, Value::Text(_))
    }

    #[inline]
    fn is_empty_map(&self) -> bool {
        self.0.as_map().is_some_and(|map| map.is_empty())
    }

    #[inline]
    fn elements_left(list: &Self::List) -> usize {
        list.len()
    }

    #[inline]
    fn pairs_left(map: &Self::Map) -> usize {
        map.left.len()
    }

    #[inline]
    fn believable(&self, announced: usize) -> usize {
        announced
    }

    #[inline]
    fn next_element(&mut self, list: &mut Self::List) -> bool {
        match list.next() {
            Some(value) => {
                self.0 = value;
                true
            }
            None => false,
        }
    }

    #[inline]
    fn next_key(&mut self, map: &mut Self::Map) -> bool {
        match map.left.next() {
            Some((key, value)) => {
                self.0 = key;
                map.key = Some(key);
                map.value = Some(value);
                true
            }
            None => false,
        }
    }

    #[inline]
    fn next_value(&mut self, map: &mut Self::Map) -> Result<()> {
        match map.value.take() {
            Some(value) => {
                self.0 = value;
                Ok(())
            }
            None => Err(Error::custom("a value was asked for before its key")),
        }
    }
}

#[inline]
fn ext<'de, L, M>(code: i8, payload: impl Into<Vec<u8>>) -> Token<'de, L, M> {
    Token::Ext(code, Cow::Owned(payload.into()))
}
