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
pub use value_de::{from_value, from_value_ref};
pub use value_ser::to_value;
