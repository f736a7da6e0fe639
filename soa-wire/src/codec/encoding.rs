//! The two encodings, and the operations that both have.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decoded::Decoded;
use super::error::{DecodeError, EncodeError};
use super::value::Value;
use super::{json, msgpack};

/// One of the two encodings of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// MessagePack with PySOA's ext types: the default.
    #[default]
    MessagePack,
    /// JSON as Python reads and writes it. Carries neither bytes nor ext types.
    Json,
}

impl Encoding {
    /// The MIME type by which messages name the encoding.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/msgpack",
            Self::Json => "application/json",
        }
    }

    /// The encoding that a MIME type names, if it is one of the two.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        [Self::MessagePack, Self::Json]
            .into_iter()
            .find(|encoding| encoding.content_type() == content_type)
    }

    /// Encodes a body: a map, or `()` for the empty map.
    ///
    /// # Errors
    ///
    /// Fails if `body` is not a map, or holds something that the encoding cannot carry.
    pub fn encode_body<T: Serialize + ?Sized>(self, body: &T) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::MessagePack => msgpack::encode_body(body),
            Self::Json => json::encode_body(body),
        }
    }

    /// Decodes a body. Any map is accepted for `()` and for a unit struct.
    ///
    /// # Errors
    ///
    /// Fails if `input` is malformed, not a map, does not fit the type, or has bytes after the map.
    pub fn decode_body<T: DeserializeOwned>(self, input: &[u8]) -> Result<Decoded<T>, DecodeError> {
        match self {
            Self::MessagePack => msgpack::decode_body(input),
            Self::Json => json::decode_body(input),
        }
    }

    /// Decodes a body as a dynamic value.
    pub(crate) fn decode_map(self, input: &[u8]) -> Result<Value, DecodeError> {
        let body = self.decode_value(input)?;
        match body.as_map() {
            Some(_) => Ok(body),
            None => Err(DecodeError::body_is_not_a_map(body.kind_name()).at(0)),
        }
    }

    /// Encodes a dynamic value of any kind.
    ///
    /// # Errors
    ///
    /// Fails if the value holds something that the encoding cannot carry.
    pub fn encode_value(self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(128);
        match self {
            Self::MessagePack => msgpack::encode_value(value, &mut out)?,
            Self::Json => json::encode_value(value, &mut out)?,
        }
        Ok(out)
    }

    /// Decodes a dynamic value of any kind.
    ///
    /// # Errors
    ///
    /// Fails if `input` is malformed, or has bytes after the value.
    pub fn decode_value(self, input: &[u8]) -> Result<Value, DecodeError> {
        match self {
            Self::MessagePack => msgpack::decode_value(input),
            Self::Json => json::decode_value(input),
        }
    }
}
