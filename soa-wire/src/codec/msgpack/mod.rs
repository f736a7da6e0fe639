//! MessagePack, with PySOA's ext types.
//!
//! Typed values go through serde straight to and from bytes; a [`Value`] has a reader and a writer of its own, which are
//! faster. What is written is what the reference writes: the smallest form of integers and lengths, 64-bit floats,
//! structs as maps with names, byte strings as `bin`, enums in serde's external tagging. What is read may be of any
//! form. Ext types other than the six of the protocol are errors.
//!
//! All readers borrow from the input: `&str` and `&[u8]` fields cost no copy. They trust nothing in it: lengths reserve
//! no memory before the bytes are there, and nesting is counted before it is entered.

mod de;
mod read;
mod ser;
mod value;

use std::cell::Cell;

use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::position::Position;
use super::value::Value;
use super::{Decoded, MAX_DEPTH};
use de::Deserializer;
use read::Reader;
use ser::Serializer;

/// Encodes a value of any kind.
///
/// # Errors
///
/// When it holds an integer beyond 64 bits, is nested too deeply, or its `Serialize` fails.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    encode_into(value, &mut out)?;
    Ok(out)
}

/// Encodes a value of any kind at the end of `out`, which stays as it was if that fails.
///
/// # Errors
///
/// As [`to_vec`].
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    value
        .serialize(&mut Serializer::new(out))
        .inspect_err(|_| out.truncate(start))
}

/// Encodes a dynamic value at the end of `out`, which stays as it was if that fails.
///
/// # Errors
///
/// As [`to_vec`].
pub fn encode_value(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    value::write(value, out, MAX_DEPTH).inspect_err(|_| out.truncate(start))
}

/// Decodes a value of any kind, of which text and bytes may be borrowed from `input`.
///
/// # Errors
///
/// When `input` is malformed, does not fit the type, or has bytes after the value.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, DecodeError> {
    read_whole(input, Position::Element).map(|decoded| decoded.value)
}

/// Decodes a dynamic value.
///
/// # Errors
///
/// When `input` is malformed, or has bytes after the value.
pub fn decode_value(input: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(input);
    value::read(&mut reader, MAX_DEPTH)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| error.at(reader.offset()))
}

/// Encodes a body. See [`Encoding::encode_body`](super::Encoding::encode_body).
pub(super) fn encode_body<T: Serialize + ?Sized>(body: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = SCRATCH.take();
    out.clear();
    body.serialize(&mut Serializer::for_body(&mut out))?;
    let encoded = Reader::new(&out);
    if !encoded.next_is_map() {
        return Err(EncodeError::body_is_not_a_map(encoded.kind_name()));
    }
    let exact = out.as_slice().to_vec();
    if out.capacity() <= SCRATCH_LIMIT {
        SCRATCH.set(out);
    }
    Ok(exact)
}

thread_local! {
    /// Bodies are encoded here and copied out: one allocation of the right size instead of several while a vector
    /// grows, and none for the slack that a `Bytes` of it would have to keep. Lost when `Serialize` fails or panics.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a thread keeps for the next body, in bytes.
const SCRATCH_LIMIT: usize = 64 * 1024;

/// Decodes a body. See [`Encoding::decode_body`](super::Encoding::decode_body).
pub(super) fn decode_body<T: DeserializeOwned>(input: &[u8]) -> Result<Decoded<T>, DecodeError> {
    let reader = Reader::new(input);
    if reader.next_is_map() {
        read_whole(input, Position::Body)
    } else if input.is_empty() {
        Err(DecodeError::new(DecodeErrorKind::Truncated, "empty input").at(0))
    } else {
        Err(DecodeError::body_is_not_a_map(reader.kind_name()).at(0))
    }
}

fn read_whole<'de, T: Deserialize<'de>>(
    input: &'de [u8],
    position: Position,
) -> Result<Decoded<T>, DecodeError> {
    let mut deserializer = Deserializer::new(input, position);
    T::deserialize(&mut deserializer)
        .and_then(|value| {
            deserializer.end()?;
            Ok(Decoded {
                value,
                is_lenient: deserializer.is_lenient(),
            })
        })
        .map_err(|error| error.at(deserializer.offset()))
}

#[cfg(test)]
mod tests;
