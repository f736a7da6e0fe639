//! Whole values from JSON.

use serde::de::DeserializeOwned;

use super::super::decoded::Decoded;
use super::super::error::DecodeError;
use super::super::value::Value;
use super::super::value_de;
use super::parse::{Fractions, parse};

/// Decodes a value of any kind.
///
/// # Errors
///
/// Fails if `input` is malformed, does not fit the type, or has something after the value.
pub fn from_slice<T: DeserializeOwned>(input: &[u8]) -> Result<T, DecodeError> {
    value_de::from_value(parse(input, Fractions::Floats)?)
}

/// Decodes a dynamic value.
///
/// # Errors
///
/// Fails if `input` is malformed, or has something after the value.
pub fn decode_value(input: &[u8]) -> Result<Value, DecodeError> {
    parse(input, Fractions::Floats)
}

/// Decodes a dynamic value in which numbers with a point or an exponent are decimals, so that no digit is lost.
pub(crate) fn decode_exact(input: &[u8]) -> Result<Value, DecodeError> {
    parse(input, Fractions::Decimals)
}

/// Decodes a body. See `Encoding::decode_body`.
pub(crate) fn decode_body<T: DeserializeOwned>(input: &[u8]) -> Result<Decoded<T>, DecodeError> {
    let body = parse(input, Fractions::Floats)?;
    match body.as_map() {
        Some(_) => value_de::decode_map(&body),
        None => Err(DecodeError::body_is_not_a_map(body.kind_name()).at(0)),
    }
}
