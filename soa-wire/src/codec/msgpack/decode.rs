//! Whole values from MessagePack.

use serde::de::{Deserialize, DeserializeOwned};

use super::super::decoded::Decoded;
use super::super::deserializer::Deserializer;
use super::super::error::{DecodeError, DecodeErrorKind};
use super::super::limit::MAX_DEPTH;
use super::super::position::Position;
use super::super::value::Value;
use super::read::Reader;
use super::value;

/// Decodes a value of any kind, of which text and bytes may be borrowed from `input`.
///
/// # Errors
///
/// Fails if `input` is malformed, does not fit the type, or has bytes after the value.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, DecodeError> {
    read_whole(input, Position::Element).map(|decoded| decoded.value)
}

/// Decodes a dynamic value.
///
/// # Errors
///
/// Fails if `input` is malformed, or has bytes after the value.
pub fn decode_value(input: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(input);
    value::read(&mut reader, MAX_DEPTH)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| error.at(reader.offset()))
}

/// Decodes a body. See `Encoding::decode_body`.
pub(crate) fn decode_body<T: DeserializeOwned>(input: &[u8]) -> Result<Decoded<T>, DecodeError> {
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
    let mut deserializer = Deserializer::new(Reader::new(input), position);
    T::deserialize(&mut deserializer)
        .and_then(|value| {
            deserializer.source().end()?;
            Ok(Decoded {
                value,
                is_lenient: deserializer.is_lenient(),
            })
        })
        .map_err(|error| error.at(deserializer.source().offset()))
}
