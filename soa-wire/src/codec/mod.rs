//! The codec: Rust values to the bytes of the wire and back.
//!
//! PySOA's messages come in two encodings, MessagePack with six ext types of its own and JSON as Python writes it. Both
//! carry two forms of values: *typed* ones, through serde, and the dynamic [`Value`], which keeps every type of the wire
//! apart. A *body* is the request or the response of an action: always a map; `()` stands for the empty one.
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
//! Typed MessagePack goes directly, without a `Value` in between; typed JSON goes through one. Each encoding has one
//! reader, which the scanner of envelopes uses as well, and serde has one deserializer, over MessagePack and `Value`. So
//! the rules are the same everywhere: types are strict (a float or text is not read as an integer, bytes are not read as
//! text, a struct is read from a map only), `Option` means that a key may be absent and [`Nullable`] that it may be nil,
//! and nesting ends at [`MAX_DEPTH`]. Both encodings count as human-readable to serde, so third-party types (UUIDs, IP
//! addresses) travel as text in either, as their schemas say.
//!
//! The codec does not depend on an async runtime, on queues, or on the meaning of messages.
//!
//! Each module uses only those before it: `limit`, `error`, `kind`, `ext`, `types`, `integer`, `value`, `map`,
//! `value_serde`, `schema`, `decoded`, `position`, `source`, `deserializer`, `value_de`, `value_ser`, `msgpack`, `json`,
//! `encoding`.

mod decoded;
mod deserializer;
mod encoding;
mod error;
mod ext;
mod integer;
pub mod json;
mod kind;
mod limit;
mod map;
pub mod msgpack;
mod position;
mod schema;
mod source;
mod types;
mod value;
mod value_de;
mod value_ser;
mod value_serde;

#[cfg(test)]
mod tests;

pub use decoded::Decoded;
pub use encoding::Encoding;
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use integer::Integer;
pub(crate) use kind::Kind;
pub use limit::MAX_DEPTH;
pub(crate) use schema::NULLABLE;
pub use types::{
    Amount, Blob, Date, DateTime, Decimal, Nullable, ParseError, RangeError, Time, UtcDateTime,
};
pub use value::{Map, Value};
pub(crate) use value_de::decode_map;
pub use value_de::{from_value, from_value_ref};
pub(crate) use value_ser::to_body;
pub use value_ser::to_value;
