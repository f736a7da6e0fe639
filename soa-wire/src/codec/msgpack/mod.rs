//! MessagePack, with PySOA's ext types.
//!
//! Typed values go through serde straight to and from bytes; a [`Value`](super::Value) has ways of its own, which are
//! faster. The bytes are those that the reference writes: the smallest form of integers and lengths, 64-bit floats,
//! structs as maps with names, byte strings as `bin`, enums in serde's external tagging. Every form can be
//! read. Ext types other than the six of the protocol are errors.
//!
//! All readers borrow from the input: `&str` and `&[u8]` fields cost no copy. They do not trust it: lengths reserve
//! no memory before the bytes are there, and nesting is counted before it is entered.

mod de;
mod decode;
mod encode;
mod read;
mod ser;
mod value;

pub(super) use decode::decode_body;
pub use decode::{decode_value, from_slice};
pub(super) use encode::encode_body;
pub(crate) use encode::{check_body, encode_pair};
pub use encode::{encode_into, encode_value, to_vec};
pub(crate) use read::{Int, ReadError, Reader};

#[cfg(test)]
mod tests;
