//! [`Value`]s to MessagePack and back, without serde.
//!
//! Both functions recurse, and are told how many levels are left, so that a message cannot exhaust the stack.

use bytes::Bytes;

use super::super::error::{DecodeError, EncodeError};
use super::super::ext;
use super::super::integer::Integer;
use super::super::limit::MAX_RESERVED;
use super::super::types::Ext;
use super::super::value::{Map, Value};
use super::read::{Head, Int, Reader};
use super::ser;

pub(super) fn read(reader: &mut Reader<'_>, levels: usize) -> Result<Value, DecodeError> {
    let start = reader.offset();
    Ok(match reader.head()? {
        Head::Nil => Value::Nil,
        Head::Bool(value) => Value::Bool(value),
        Head::Integer(Int::Unsigned(value)) => Value::Integer(Integer::from(value)),
        Head::Integer(Int::Signed(value)) => Value::Integer(Integer::from(value)),
        Head::Float(value) => Value::Float(value),
        Head::Text(bytes) => Value::Text(reader.utf8(bytes)?.to_owned()),
        Head::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
        Head::List(length) => {
            let levels = descend(levels, start)?;
            let mut list = Vec::with_capacity(reserve(length, reader));
            for _ in 0..length {
                list.push(read(reader, levels)?);
            }
            Value::List(list)
        }
        Head::Map(length) => {
            let levels = descend(levels, start)?;
            let mut map = Map::with_capacity(reserve(length, reader));
            for _ in 0..length {
                let key = read(reader, levels)?;
                map.push(key, read(reader, levels)?);
            }
            Value::Map(map)
        }
        Head::Ext(code, payload) => Value::from(
            Ext::parse(code, payload).map_err(|error| DecodeError::from(error).at(start))?,
        ),
    })
}

fn descend(levels: usize, offset: usize) -> Result<usize, DecodeError> {
    levels
        .checked_sub(1)
        .ok_or_else(|| DecodeError::too_deep().at(offset))
}

fn reserve(length: usize, reader: &Reader<'_>) -> usize {
    length.min(reader.remaining()).min(MAX_RESERVED)
}

/// Finds out if [`write`] would succeed.
pub(super) fn check(value: &Value, levels: usize) -> Result<(), EncodeError> {
    match value {
        Value::Integer(integer) if integer.big_text().is_some() => {
            Err(EncodeError::does_not_fit(integer))
        }
        Value::Text(text) => ser::check_length(text.len()).map(|_| ()),
        Value::Bytes(bytes) => ser::check_length(bytes.len()).map(|_| ()),
        Value::List(list) => {
            let levels = levels.checked_sub(1).ok_or_else(EncodeError::too_deep)?;
            list.iter().try_for_each(|element| check(element, levels))
        }
        Value::Map(map) => {
            let levels = levels.checked_sub(1).ok_or_else(EncodeError::too_deep)?;
            map.iter().try_for_each(|(key, value)| {
                check(key, levels)?;
                check(value, levels)
            })
        }
        _ => Ok(()),
    }
}

pub(super) fn write(value: &Value, out: &mut Vec<u8>, levels: usize) -> Result<(), EncodeError> {
    match value {
        Value::Nil => ser::write_nil(out),
        Value::Bool(value) => ser::write_bool(*value, out),
        Value::Integer(value) => match (value.as_i64(), value.as_u64()) {
            (Some(value), _) => ser::write_i64(value, out),
            (None, Some(value)) => ser::write_u64(value, out),
            (None, None) => Err(EncodeError::does_not_fit(value)),
        },
        Value::Float(value) => ser::write_f64(*value, out),
        Value::Text(value) => ser::write_str(value, out),
        Value::Bytes(value) => ser::write_bytes(value, out),
        Value::List(list) => {
            let levels = levels.checked_sub(1).ok_or_else(EncodeError::too_deep)?;
            ser::write_list_header(list.len(), out)?;
            list.iter()
                .try_for_each(|element| write(element, out, levels))
        }
        Value::Map(map) => {
            let levels = levels.checked_sub(1).ok_or_else(EncodeError::too_deep)?;
            ser::write_map_header(map.len(), out)?;
            map.iter().try_for_each(|(key, value)| {
                write(key, out, levels)?;
                write(value, out, levels)
            })
        }
        Value::DateTime(value) => {
            ser::write_ext(ext::DATE_TIME, &value.as_micros().to_be_bytes(), out)
        }
        Value::UtcDateTime(value) => {
            ser::write_ext(ext::UTC_DATE_TIME, &value.as_micros().to_be_bytes(), out)
        }
        Value::Date(value) => ser::write_ext(ext::DATE, &value.to_payload(), out),
        Value::Time(value) => ser::write_ext(ext::TIME, &value.to_payload(), out),
        Value::Decimal(value) => ser::write_ext(ext::DECIMAL, &value.to_payload(), out),
        Value::Amount(value) => ser::write_ext(ext::AMOUNT, &value.to_payload(), out),
    }
}
