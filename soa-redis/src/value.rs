//! Answers of Redis to commands on plain keys.

use bytes::Bytes;

/// An answer of Redis.
#[derive(Clone, Debug, PartialEq)]
pub enum RedisValue {
    /// Nothing: a key or a field that does not exist.
    Nil,
    /// A number.
    Integer(i64),
    /// Bytes, a text, or a status such as `OK`.
    Bytes(Bytes),
    /// Several answers. Of a map, each key is followed by its value.
    List(Vec<RedisValue>),
}

impl RedisValue {
    /// The bytes, if these are some.
    pub fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if these are bytes that are one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The number, also if it comes as a text.
    pub(super) fn number(&self) -> Option<i64> {
        self.as_integer().or_else(|| self.text()?.parse().ok())
    }

    /// The answers of a list, which is empty for any other answer.
    pub fn into_list(self) -> Vec<Self> {
        match self {
            Self::List(answers) => answers,
            _ => Vec::new(),
        }
    }
}
