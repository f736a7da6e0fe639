//! Whole values to JSON.

use serde::Serialize;

use super::super::error::EncodeError;
use super::super::limit::MAX_DEPTH;
use super::super::value::Value;
use super::super::value_ser;
use super::write::{self, Layout};

/// Encodes a value of any kind.
///
/// # Errors
///
/// Fails if it holds bytes, an ext type or a map's key that JSON cannot carry, is nested too deeply, or its `Serialize`
/// fails.
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
    encode_value(&value_ser::to_value(value)?, out)
}

/// Encodes a dynamic value at the end of `out`. If that fails, `out` is as before.
///
/// # Errors
///
/// As [`to_vec`].
pub fn encode_value(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    write::write(value, out, MAX_DEPTH, Layout::QUEUE).inspect_err(|_| out.truncate(start))
}

/// Encodes a key and its value at the end of `out`, within a map that was begun.
pub(crate) fn encode_pair(
    key: &Value,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    write::write_key(key, out, Layout::QUEUE)?;
    out.extend_from_slice(b": ");
    write::write(value, out, MAX_DEPTH - 1, Layout::QUEUE)
}

/// Encodes a dynamic value at the end of `out`, without blanks and escapes, as HTTP has it. If that fails, `out` is as
/// before.
///
/// # Errors
///
/// As [`to_vec`], and for NaN and the infinities, which JSON does not have.
pub fn encode_compact(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    write::write(value, out, MAX_DEPTH, Layout::COMPACT).inspect_err(|_| out.truncate(start))
}

/// Encodes a body. See `Encoding::encode_body`.
pub(crate) fn encode_body<T: Serialize + ?Sized>(body: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    write::write(
        &value_ser::to_body(body)?,
        &mut out,
        MAX_DEPTH,
        Layout::QUEUE,
    )?;
    Ok(out)
}
