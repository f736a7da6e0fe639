//! The codec: Rust values to the bytes of the wire and back.
//!
//! PySOA's messages come in two encodings, MessagePack with six ext types of its own and JSON as Python writes it. Both
//! read and write two kinds of thing: *typed* values, through serde, and the dynamic [`Value`], which keeps every wire
//! type apart. A *body* is what an action takes and gives: always a map; `()` stands for the empty one.
//!
//! ```text
//!                to_value / from_value
//!   T (serde) <------------------------> Value
//!       ^                                 ^  ^
//!       |  msgpack::{to_vec, from_slice}  |  |  json::{encode_value, decode_value}
//!       v                                 v  v
//!   MessagePack bytes            MessagePack, JSON
//! ```
//!
//! Typed MessagePack goes directly, without a `Value` in between; typed JSON goes through one. The rules are the same
//! everywhere: types are strict (an integer is not made of a float or of text, text is not bytes, a struct is read from a
//! map only), `Option` means that a key may be absent and [`Nullable`] that it may be nil, and nesting ends at
//! [`MAX_DEPTH`]. Both encodings count as human-readable to serde, so third-party types (UUIDs, IP addresses) travel as
//! text in either, which is also what their schemas say.
//!
//! Nothing in here knows of tokio, of queues, or of what the messages mean.

mod error;
mod ext;
mod integer;
pub mod json;
mod map;
pub mod msgpack;
mod position;
mod types;
mod value;
mod value_de;
mod value_ser;
mod value_serde;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use integer::Integer;
pub use map::Map;
pub(crate) use types::NULLABLE;
pub use types::{
    Amount, Blob, Date, DateTime, Decimal, Nullable, ParseError, RangeError, Time, UtcDateTime,
};
pub use value::Value;
pub use value_de::{from_value, from_value_ref};
pub use value_ser::to_value;

/// How many lists and maps may be nested within each other, in either direction.
pub const MAX_DEPTH: usize = 128;

/// For how many elements room is made on the strength of a header alone: a peer can announce billions, once on each
/// level of nesting.
const MAX_RESERVED: usize = 256;

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

/// A value that was decoded, and whether serde was more lenient on the way than the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// Whether something was read into one of serde's buffers that types take out of there more leniently than from the
    /// wire: a nil (as `None`), bytes (as text), a list (as a struct), a key that is no text (as the number of a field);
    /// or whether a map was passed over for `()`.
    ///
    /// Behind `#[serde(flatten)]`, `#[serde(untagged)]` and the like, what became of it cannot be told. Whoever has to
    /// refuse it looks at the message itself. Where this is false, nothing of the kind was let through.
    pub is_lenient: bool,
}

impl Encoding {
    /// The MIME type by which messages name the encoding.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/msgpack",
            Self::Json => "application/json",
        }
    }

    /// The encoding that a MIME type names, if it is one of ours.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        [Self::MessagePack, Self::Json]
            .into_iter()
            .find(|encoding| encoding.content_type() == content_type)
    }

    /// Encodes a body: something that is a map, or `()` for the empty map.
    ///
    /// # Errors
    ///
    /// When `body` is not a map, or holds what the encoding cannot carry.
    pub fn encode_body<T: Serialize + ?Sized>(self, body: &T) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::MessagePack => msgpack::encode_body(body),
            Self::Json => json::encode_body(body),
        }
    }

    /// Decodes a body. Any map will do for `()` and for a unit struct.
    ///
    /// # Errors
    ///
    /// When `input` is malformed, not a map, does not fit the type, or has bytes after the map.
    pub fn decode_body<T: DeserializeOwned>(self, input: &[u8]) -> Result<Decoded<T>, DecodeError> {
        match self {
            Self::MessagePack => msgpack::decode_body(input),
            Self::Json => json::decode_body(input),
        }
    }

    /// Encodes a dynamic value, which need not be a map.
    ///
    /// # Errors
    ///
    /// When the value holds what the encoding cannot carry.
    pub fn encode_value(self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(128);
        match self {
            Self::MessagePack => msgpack::encode_value(value, &mut out)?,
            Self::Json => json::encode_value(value, &mut out)?,
        }
        Ok(out)
    }

    /// Decodes a dynamic value, which need not be a map.
    ///
    /// # Errors
    ///
    /// When `input` is malformed, or has bytes after the value.
    pub fn decode_value(self, input: &[u8]) -> Result<Value, DecodeError> {
        match self {
            Self::MessagePack => msgpack::decode_value(input),
            Self::Json => json::decode_value(input),
        }
    }
}
