//! JSON, as Python's `json` reads and writes it.
//!
//! That is JSON with three words more, `NaN`, `Infinity` and `-Infinity`, with integers of any size, and with everything
//! beyond ASCII escaped. It has neither bytes nor ext types: a value that holds one cannot be encoded. Where Python is
//! lenient and we are not: half a surrogate pair is an error, because it is no text.
//!
//! The parser makes [`Value`]s, the writer takes them, and typed values go through one. That costs a tree, and keeps the
//! large integers that serde knows nothing of.

mod parse;
mod write;

pub(crate) use write::write_text;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Decoded;
use super::error::{DecodeError, EncodeError};
use super::position::Position;
use super::value::Value;
use super::{value_de, value_ser};

/// Encodes a value of any kind.
///
/// # Errors
///
/// When it holds bytes, an ext type or a map's key that JSON cannot carry, is nested too deeply, or its `Serialize`
/// fails.
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
    encode_value(&value_ser::to_value(value)?, out)
}

/// Encodes a dynamic value at the end of `out`, which stays as it was if that fails.
///
/// # Errors
///
/// As [`to_vec`].
pub fn encode_value(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    write::write(value, out, super::MAX_DEPTH).inspect_err(|_| out.truncate(start))
}

/// Decodes a value of any kind.
///
/// # Errors
///
/// When `input` is malformed, does not fit the type, or has something after the value.
pub fn from_slice<T: DeserializeOwned>(input: &[u8]) -> Result<T, DecodeError> {
    value_de::from_value(parse::parse(input)?)
}

/// Decodes a dynamic value.
///
/// # Errors
///
/// When `input` is malformed, or has something after the value.
pub fn decode_value(input: &[u8]) -> Result<Value, DecodeError> {
    parse::parse(input)
}

/// Encodes a body. See [`Encoding::encode_body`](super::Encoding::encode_body).
pub(super) fn encode_body<T: Serialize + ?Sized>(body: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    write::write(&value_ser::to_body(body)?, &mut out, super::MAX_DEPTH)?;
    Ok(out)
}

/// Decodes a body. See [`Encoding::decode_body`](super::Encoding::decode_body).
pub(super) fn decode_body<T: DeserializeOwned>(input: &[u8]) -> Result<Decoded<T>, DecodeError> {
    let body = parse::parse(input)?;
    if body.as_map().is_none() {
        return Err(DecodeError::body_is_not_a_map(body.kind_name()).at(0));
    }
    let (value, is_lenient) = value_de::read(&body, Position::Body)?;
    Ok(Decoded { value, is_lenient })
}

#[cfg(test)]
mod tests;
