//! The words of commands. A word is a [`Value`], as what Redis answers is.

use bytes::Bytes;

pub(super) use crate::value::RedisValue as Value;

/// A text or bytes as a word of a command. Fixed texts cost nothing.
pub(super) fn word(word: impl Into<Bytes>) -> Value {
    Value::Bytes(word.into())
}

/// A copy of a text as a word of a command.
pub(super) fn copied(text: &str) -> Value {
    Value::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

/// A number as a word of a command.
pub(super) fn integer(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
