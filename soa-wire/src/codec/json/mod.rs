//! JSON, as Python's `json` reads and writes it.
//!
//! That is JSON with three more words, `NaN`, `Infinity` and `-Infinity`, with integers of any size, and with everything
//! beyond ASCII escaped. It has neither bytes nor ext types: a value that holds one cannot be encoded. Stricter than
//! in Python: half a surrogate pair is an error, because it is not text.
//!
//! The decoder makes [`Value`](super::Value)s, the writer takes them, and typed values go through one. That costs a tree,
//! and keeps the large integers that serde cannot carry.

mod decode;
mod encode;
mod parse;
mod read;
mod write;

pub(super) use decode::decode_body;
pub(crate) use decode::decode_exact;
pub use decode::{decode_value, from_slice};
pub(super) use encode::encode_body;
pub(crate) use encode::encode_pair;
pub use encode::{encode_compact, encode_into, encode_value, to_vec};
pub(crate) use read::{NumberKind, Passed, ReadError, Reader, Token};
pub(crate) use write::write_text;

#[cfg(test)]
mod tests;
