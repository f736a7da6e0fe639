//! Calls by position: `POST /invoke` with JSON, MessagePack or protobuf. The protocol is that of Aspyx.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use soa_wire::codec::{EncodeError, json, msgpack};
use soa_wire::schema::NodeKind;
use soa_wire::text::{Plain, Shape};
use soa_wire::{Value, WireError, code};

use super::failure::errors_of;
use super::known::KnownAction;
use crate::dispatch::exception_text;
use crate::encoding::{Encoding, json_of, msgpack_of};
use crate::hosted::Offered;
use crate::invoke::{METHOD, SHAPE};
use crate::protobuf::{Form, read, write};

/// A call before it is sent.
pub(super) struct Written {
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

/// Writes a call with arguments that have no types.
///
/// # Errors
/// A value cannot be encoded.
pub(super) fn untyped(encoding: Encoding, id: &str, arguments: Value) -> Result<Written, String> {
    let arguments = match encoding {
        Encoding::Json => Plain::of(&arguments).into_value(),
        Encoding::MessagePack => arguments,
    };
    written(encoding, id, &arguments)
}

/// Writes a call of an action whose types are known.
///
/// # Errors
/// A value cannot be encoded, or the request has no positions.
pub(super) fn typed(
    encoding: Encoding,
    id: &str,
    action: &KnownAction,
    request: Value,
) -> Result<Written, String> {
    check_positions(&action.offered)?;
    let shape = Shape {
        keeps_floats: true,
        keeps_bytes: encoding == Encoding::MessagePack,
    };
    let arguments = arguments(&action.offered, shape.of(&action.offered.request, request));
    written(encoding, id, &arguments)
}

fn written(encoding: Encoding, id: &str, arguments: &Value) -> Result<Written, String> {
    let body = envelope(encoding, id, arguments).map_err(|error| error.to_string())?;
    Ok(Written {
        content_type: encoding.content_type(),
        body: body.into(),
    })
}

fn envelope(encoding: Encoding, id: &str, arguments: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    match encoding {
        Encoding::Json => {
            out.extend_from_slice(br#"{"method":"#);
            json::encode_compact(&Value::from(id), &mut out)?;
            out.extend_from_slice(br#","args":"#);
            json::encode_compact(arguments, &mut out)?;
            out.push(b'}');
        }
        Encoding::MessagePack => {
            // A map of two, and texts of 6 and of 4 bytes.
            out.extend_from_slice(b"\x82\xa6method");
            msgpack::encode_value(&Value::from(id), &mut out)?;
            out.extend_from_slice(b"\xa4args");
            msgpack::encode_value(arguments, &mut out)?;
        }
    }
    Ok(out)
}

/// A request that is no struct has no positions.
fn check_positions(offered: &Offered) -> Result<(), String> {
    let root = offered.request.resolve(offered.request.root());
    match root.map(|root| &root.kind) {
        // The latter is a struct without fields.
        Some(NodeKind::Dictionary { .. } | NodeKind::Entries { .. }) => Ok(()),
        _ => Err("its request is not a struct, so it has no positions".to_owned()),
    }
}

/// The values in the order of the declaration. Those at the end that were left out, and are not nil, have defaults there.
fn arguments(offered: &Offered, request: Value) -> Value {
    let Value::Map(request) = request else {
        return Value::List(Vec::new());
    };
    let fields = offered.arguments().unwrap_or_default();
    let pairs = request.into_pairs().into_iter().take(fields.len());
    let mut arguments: Vec<Value> = pairs.map(|(_, value)| value).collect();
    while let (Some(Value::Nil), Some(field)) = (
        arguments.last(),
        arguments
            .len()
            .checked_sub(1)
            .and_then(|last| fields.get(last)),
    ) {
        let node = offered.request.resolve(&field.node).map(|node| &node.kind);
        if field.is_option
            || matches!(
                node,
                Some(NodeKind::Nullable(_) | NodeKind::Nil | NodeKind::Anything)
            )
        {
            break;
        }
        arguments.pop();
    }
    Value::List(arguments)
}

/// Reads the answer of a call: its result, or its errors.
///
/// # Errors
/// The bytes are no answer.
pub(super) fn answer(
    encoding: Encoding,
    body: &[u8],
) -> Result<Result<Value, Vec<WireError>>, String> {
    let answer = match encoding {
        Encoding::Json => json_of(body)?,
        Encoding::MessagePack => msgpack_of(body)?,
    };
    let Value::Map(mut answer) = answer else {
        return Err("it is not a map".to_owned());
    };
    match answer.remove("exception") {
        None | Some(Value::Nil) => {}
        Some(exception) => {
            let told = errors_of(&Value::Map(answer));
            let text = exception.as_str().map(str::to_owned);
            let text = text.unwrap_or_else(|| soa_wire::text::write(&exception));
            return Ok(Err(told.unwrap_or_else(|| raised(text))));
        }
    }
    match answer.remove("result") {
        Some(result) => Ok(Ok(result)),
        None => Err("it has neither a result nor an exception".to_owned()),
    }
}

/// The error of an exception, of which only its text travels.
pub(super) fn raised(mut text: String) -> Vec<WireError> {
    if text.is_empty() {
        text.push_str("The service has raised an exception without a text");
    }
    vec![WireError::server(code::REMOTE_ERROR, text)]
}

/// Writes a call by protobuf. The method id is in a header.
///
/// # Errors
/// A type or a value cannot travel by protobuf.
pub(super) fn protobuf(
    id: &str,
    action: &KnownAction,
    request: Value,
    headers: &mut HeaderMap,
) -> Result<Written, String> {
    let call = action.protobuf()?;
    let request = SHAPE.of(&action.offered.request, request);
    let request = match request {
        Value::Map(_) => request,
        _ => Value::Map(soa_wire::Map::new()),
    };
    let body = write::message(&call.request, request);
    let body = body.map_err(|errors| exception_text(&errors))?;
    let id = HeaderValue::try_from(id)
        .map_err(|_| format!("the method id `{id}` cannot be in a header"))?;
    headers.insert(HeaderName::from_static(METHOD), id);
    Ok(Written {
        content_type: crate::reply::PROTOBUF,
        body: body.into(),
    })
}

/// Reads the answer of a call by protobuf.
///
/// # Errors
/// The bytes are no answer.
pub(super) fn protobuf_answer(
    action: &KnownAction,
    body: &[u8],
) -> Result<Result<Value, Vec<WireError>>, String> {
    let call = action.protobuf()?;
    let (answer, errors) =
        read::message(&call.response, body).map_err(|error| error.to_string())?;
    let Value::Map(mut answer) = answer else {
        return Err("it is not a message".to_owned());
    };
    if let Some(Value::Text(exception)) = answer.remove("exception") {
        return Ok(Err(raised(exception)));
    }
    if let Some(wrong) = errors.first() {
        return Err(wrong.to_string());
    }
    let result = answer.remove("result").unwrap_or_default();
    let place = call.response.fields.first().filter(|place| !place.is_list);
    match (result, place.map(|place| &place.form)) {
        // Senders leave out a message in which nothing is set.
        (Value::Nil, Some(Form::Message(message))) if !action.offered.result_may_be_nil() => {
            let (empty, errors) = read::message(message, &[]).map_err(|error| error.to_string())?;
            match errors.first() {
                None => Ok(Ok(empty)),
                Some(wrong) => Err(wrong.to_string()),
            }
        }
        (Value::Nil, _) if body.is_empty() && !action.offered.result_may_be_nil() => {
            Err("it is empty".to_owned())
        }
        (result, _) => Ok(Ok(result)),
    }
}
