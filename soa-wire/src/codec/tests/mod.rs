//! The rules of both encodings and of dynamic values.
//!
//! Each statement is checked on every way that leads from a type to bytes and back: [`Way`] lists them.

mod enums;
mod ext_types;
mod nil;
mod round_trip;
mod schema;
mod strictness;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, Value, from_value, json, msgpack, to_value};

/// The ways of a typed value.
#[derive(Debug, Clone, Copy)]
enum Way {
    MessagePack,
    Json,
    Value,
}

/// The ways that carry bytes and ext types.
const ALL_TYPES: [Way; 2] = [Way::MessagePack, Way::Value];
const ALL: [Way; 3] = [Way::MessagePack, Way::Json, Way::Value];

impl Way {
    /// Goes from a dynamic value, encoded, to a type.
    fn read<T: DeserializeOwned>(self, wire: &Value) -> Result<T, DecodeError> {
        let mut bytes = Vec::new();
        match self {
            Self::MessagePack => {
                msgpack::encode_value(wire, &mut bytes).unwrap();
                msgpack::from_slice(&bytes)
            }
            Self::Json => {
                json::encode_value(wire, &mut bytes).unwrap();
                json::from_slice(&bytes)
            }
            Self::Value => from_value(wire.clone()),
        }
    }

    /// Goes from a type, encoded, to a dynamic value.
    fn write<T: Serialize>(self, typed: &T) -> Value {
        match self {
            Self::MessagePack => msgpack::decode_value(&msgpack::to_vec(typed).unwrap()).unwrap(),
            Self::Json => json::decode_value(&json::to_vec(typed).unwrap()).unwrap(),
            Self::Value => to_value(typed).unwrap(),
        }
    }
}

/// Says that a typed value and a dynamic one are each other on the wire.
fn same<T>(ways: &[Way], typed: &T, wire: &Value)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    for way in ways {
        assert_eq!(way.write(typed), *wire, "written by way of {way:?}");
        assert_eq!(
            way.read::<T>(wire).as_ref(),
            Ok(typed),
            "read by way of {way:?}"
        );
    }
}

/// Says that a type refuses what is on the wire, and gives what it says.
fn refused<T: DeserializeOwned + Debug>(ways: &[Way], wire: &Value) -> DecodeError {
    let mut errors = ways.iter().map(|way| match way.read::<T>(wire) {
        Ok(value) => panic!("{way:?} made {value:?} of {wire:?}"),
        Err(error) => error,
    });
    let first = errors.next().unwrap();
    for error in errors {
        assert_eq!(
            (error.kind(), error.message()),
            (first.kind(), first.message())
        );
    }
    first
}
