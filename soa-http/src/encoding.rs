//! The encodings of bodies: the readers of all doors, and the answers of calls by name.

use axum::http::StatusCode;
use bytes::Bytes;
use soa_runtime::ErrorDescriptor;
use soa_wire::codec::{EncodeError, json, msgpack};
use soa_wire::text::{Plain, Shape};
use soa_wire::{Map, Value, WireError, code, value};

use crate::reply::{JSON, MSGPACK, Reply, unencodable};
use crate::status;

/// Reads JSON. Numbers keep their digits, and of a key that occurs twice, the last value counts.
///
/// # Errors
/// The text is not JSON.
pub(crate) fn json_of(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| format!("the text is not UTF-8 at byte {}", error.valid_up_to()))?;
    let read = Plain::from_json(text).map_err(|error| error.to_string())?;
    Ok(read.into_exact().with_keys_once())
}

/// Reads MessagePack. Of a key that occurs twice, the last value counts.
///
/// # Errors
/// The bytes are not MessagePack.
pub(crate) fn msgpack_of(body: &[u8]) -> Result<Value, String> {
    let read = msgpack::decode_value(body).map_err(|error| error.to_string())?;
    Ok(read.with_keys_once())
}

/// The encoding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    MessagePack,
}

impl Encoding {
    /// Reads a body.
    ///
    /// # Errors
    /// The bytes are not of the encoding.
    pub(crate) fn read(self, body: &[u8]) -> Result<Value, String> {
        match self {
            Self::Json => json_of(body),
            Self::MessagePack => msgpack_of(body),
        }
    }

    /// Wraps a value that was read. The numbers of JSON still have all their digits.
    pub(crate) const fn plain(self, value: Value) -> Plain {
        match self {
            Self::Json => Plain::exact(value),
            Self::MessagePack => Plain::from_value(value),
        }
    }

    /// Reads the body of a request; an empty one is an empty map.
    pub(crate) fn decode(self, body: &Bytes) -> Result<Plain, Reply> {
        if body.is_empty() {
            return Ok(Plain::from_value(Value::Map(Map::new())));
        }
        let read = self.read(body).map(|value| self.plain(value));
        read.map_err(|error| {
            let message = format!("The body cannot be decoded: {error}");
            let error = WireError::caller(code::INVALID, message);
            self.errors(StatusCode::BAD_REQUEST, &[error])
        })
    }

    pub(crate) fn shape(self) -> Shape {
        Shape {
            keeps_bytes: self == Self::MessagePack,
            keeps_floats: self == Self::MessagePack,
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::MessagePack => MSGPACK,
        }
    }

    pub(crate) fn encode(self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(128);
        match self {
            Self::Json => json::encode_compact(value, &mut out)?,
            Self::MessagePack => msgpack::encode_value(value, &mut out)?,
        }
        Ok(out)
    }

    pub(crate) fn reply(self, status: StatusCode, value: &Value) -> Reply {
        match self.encode(value) {
            Ok(body) => Reply::new(status, self.content_type(), body),
            Err(error) => unencodable(error),
        }
    }

    /// Returns errors in the form of calls: `{"errors": […]}`.
    pub(crate) fn errors(self, status: StatusCode, errors: &[WireError]) -> Reply {
        let errors: Vec<Value> = errors.iter().map(error_value).collect();
        self.reply(status, &value!({ "errors": (Value::List(errors)) }))
    }

    /// Returns the answer with the errors of a call.
    pub(crate) fn refusal(self, errors: &[WireError], declared: &[ErrorDescriptor]) -> Reply {
        let status = status::of_all(errors, declared);
        let reply = self.errors(status, errors);
        status::with_headers(reply, errors, declared)
    }
}

pub(crate) fn error_value(error: &WireError) -> Value {
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Nil, Value::from);
    let variables = error.variables.clone().map_or(Value::Nil, |variables| {
        Plain::of(&Value::Map(variables)).into_value()
    });
    let denied = error
        .denied_permissions
        .as_ref()
        .map_or(Value::Nil, |denied| {
            denied.iter().map(|one| Value::from(one.as_str())).collect()
        });
    let mut told = Map::with_capacity(7);
    told.push("code", &*error.code);
    told.push("message", &*error.message);
    told.push("field", text(&error.field));
    told.push("traceback", text(&error.traceback));
    told.push("variables", variables);
    told.push("denied_permissions", denied);
    told.push("is_caller_error", error.is_caller_error);
    Value::Map(told)
}
