//! Whole values to MessagePack.

use std::cell::Cell;

use serde::Serialize;

use super::super::error::EncodeError;
use super::super::limit::MAX_DEPTH;
use super::super::value::Value;
use super::read::Reader;
use super::ser::Serializer;
use super::value;

/// Encodes a value of any kind.
///
/// # Errors
///
/// Fails if it holds an integer beyond 64 bits, is nested too deeply, or its `Serialize` fails.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    encode_into(value, &mut out)?;
    Ok(out)
}

/// Encodes a value of any kind at the end of `out`. If that fails, `out` is as before.
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

/// Encodes a dynamic value at the end of `out`. If that fails, `out` is as before.
///
/// # Errors
///
/// As [`to_vec`].
pub fn encode_value(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    value::write(value, out, MAX_DEPTH).inspect_err(|_| out.truncate(start))
}

/// Encodes a key and its value at the end of `out`, within a map that was begun.
pub(crate) fn encode_pair(
    key: &Value,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    value::write(key, out, MAX_DEPTH - 1)?;
    value::write(value, out, MAX_DEPTH - 1)
}

/// Finds out if a body can be encoded.
///
/// # Errors
///
/// It is not a map, holds an integer beyond 64 bits, or is nested too deeply.
pub(crate) fn check_body(body: &Value) -> Result<(), EncodeError> {
    match body {
        Value::Map(_) => value::check(body, MAX_DEPTH),
        _ => Err(EncodeError::body_is_not_a_map(body.kind_name())),
    }
}

/// Encodes a body. See `Encoding::encode_body`.
pub(crate) fn encode_body<T: Serialize + ?Sized>(body: &T) -> Result<Vec<u8>, EncodeError> {
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
    /// A buffer that bodies are encoded into and copied out of: one allocation of the right size instead of several
    /// while a vector grows, and no slack that a `Bytes` of it would have to keep. Lost if `Serialize` fails or panics.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most bytes that a thread keeps for the next body.
const SCRATCH_LIMIT: usize = 64 * 1024;
