//! Responses: written by servers, read by clients.

use std::sync::Arc;

use bytes::Bytes;

use super::cursor::{Cursor, Fault, Key};
use super::envelope::skipped;
use super::expiry::{DEFAULT_LIFETIME, now};
use super::frame::FrameHead;
use super::head::Head;
use super::json::Json;
use super::msgpack::MessagePack;
use super::writer::Writer;
use crate::codec::{EncodeError, Encoding, Kind, Map, Value, msgpack};
use crate::error::{TransportError, TransportErrorKind};
use crate::message::{ActionResponse, Body, JobResponse, ResponseContext, WireError};
use crate::serializer::{Format, Serializers};

/// Writes the response frame to a request, in the request's version and serializer.
///
/// # Errors
/// Fails if the response holds something that the serializer cannot carry.
pub fn write_response(head: &Head, response: &JobResponse) -> Result<Bytes, EncodeError> {
    write_response_at(now(), head, response)
}

/// Writes the response at a known time, in Unix seconds.
#[doc(hidden)]
pub fn write_response_at(
    now: f64,
    head: &Head,
    response: &JobResponse,
) -> Result<Bytes, EncodeError> {
    let expiry = now + DEFAULT_LIFETIME.as_secs_f64();
    let mut frame = Vec::with_capacity(512);
    let content_type = head.format.content_type();
    match &head.format {
        Format::Own(encoding) => {
            FrameHead::write(head.version, content_type, &mut frame);
            write_payload(expiry, head, *encoding, response, frame).map(Bytes::from)
        }
        Format::Custom(serializer) => {
            let payload = write_payload(expiry, head, Encoding::MessagePack, response, Vec::new())?;
            let value = msgpack::decode_value(&payload).map_err(serde::ser::Error::custom)?;
            FrameHead::write(head.version, content_type, &mut frame);
            frame.extend_from_slice(&serializer.encode(&value)?);
            Ok(frame.into())
        }
    }
}

fn write_payload(
    expiry: f64,
    head: &Head,
    encoding: Encoding,
    response: &JobResponse,
    out: Vec<u8>,
) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new(encoding, out);
    writer.map(3);
    writer.key("request_id");
    writer.raw(&head.request_id);
    writer.key("meta");
    writer.map(head.meta_length + 1);
    writer.raw_entries(&head.meta);
    writer.key("__expiry__");
    writer.value(&Value::Float(expiry))?;
    writer.close();
    writer.key("body");
    writer.map(3);
    write_errors(&mut writer, head, &response.errors)?;
    let context = &response.context;
    writer.key("context");
    writer.map(usize::from(context.correlation_id.is_some()) + context.extra.len());
    if let Some(correlation_id) = &context.correlation_id {
        writer.key("correlation_id");
        writer.text(correlation_id);
    }
    for (key, value) in context.extra.iter() {
        let Some(key) = key.as_str() else {
            return Err(serde::ser::Error::custom("a context key is not text"));
        };
        writer.key(key);
        writer.value(value)?;
    }
    writer.close();
    writer.key("actions");
    writer.list(response.actions.len());
    for action in &response.actions {
        writer.map(3);
        writer.key("action");
        writer.text(&action.action);
        write_errors(&mut writer, head, &action.errors)?;
        writer.key("body");
        writer.body(&action.body)?;
        writer.close();
    }
    writer.close();
    writer.close();
    writer.close();
    Ok(writer.finish())
}

fn write_errors(writer: &mut Writer, head: &Head, errors: &[WireError]) -> Result<(), EncodeError> {
    writer.key("errors");
    writer.list(errors.len());
    for error in errors {
        writer.map(if head.has_caller_errors { 7 } else { 6 });
        writer.key("code");
        writer.text(&error.code);
        writer.key("message");
        writer.text(&error.message);
        writer.key("field");
        writer.optional_text(error.field.as_deref());
        writer.key("traceback");
        writer.optional_text(error.traceback.as_deref());
        writer.key("variables");
        match &error.variables {
            Some(variables) => writer.value(&Value::Map(variables.clone()))?,
            None => writer.nil(),
        }
        writer.key("denied_permissions");
        match &error.denied_permissions {
            Some(permissions) => {
                writer.list(permissions.len());
                for permission in permissions {
                    writer.text(permission);
                }
                writer.close();
            }
            None => writer.nil(),
        }
        if head.has_caller_errors {
            writer.key("is_caller_error");
            writer.boolean(error.is_caller_error);
        }
        writer.close();
    }
    writer.close();
    Ok(())
}

/// A response that was read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response {
    /// The id of the request.
    pub request_id: Value,
    /// The job response.
    pub job: JobResponse,
}

/// Reads a response frame. Keys that are absent have their defaults, as in the reference's client.
///
/// # Errors
/// [`TransportErrorKind::InvalidMessage`] for bytes that are not one whole response.
pub fn read_response(frame: &Bytes, serializers: &Serializers) -> Result<Response, TransportError> {
    let invalid = |detail: String| {
        let message = format!("a response cannot be read: {detail}");
        TransportError::new(TransportErrorKind::InvalidMessage, message)
    };
    let head = FrameHead::read(frame).map_err(|error| invalid(error.to_string()))?;
    if head.is_chunk() {
        return Err(invalid("it is a piece of a chunked response".to_owned()));
    }
    let format = serializers.format(head.content_type());
    let encoding = format.encoding();
    let mut payload = frame.slice(head.payload_start()..);
    if let Format::Custom(serializer) = &format {
        let value = serializer
            .decode(&payload)
            .map_err(|error| invalid(error.to_string()))?;
        let mut bytes = Vec::new();
        msgpack::encode_value(&value, &mut bytes).map_err(|error| invalid(error.to_string()))?;
        payload = bytes.into();
    }
    let read = match encoding {
        Encoding::Json => {
            let mut check = Json::new(&payload);
            check
                .skip()
                .and_then(|()| check.end())
                .and_then(|()| read(Json::new(&payload), encoding, &payload))
        }
        _ => read(MessagePack::new(&payload), encoding, &payload),
    };
    read.map_err(|fault| invalid(fault.to_string()))
}

fn read<'a, C: Cursor<'a>>(
    mut cursor: C,
    encoding: Encoding,
    payload: &Bytes,
) -> Result<Response, Fault> {
    let mut request_id = Value::Nil;
    let mut job = None;
    entries(&mut cursor, |cursor, key| match key {
        b"request_id" => {
            request_id = value(cursor, encoding, payload)?;
            Ok(())
        }
        b"body" => {
            job = Some(read_job(cursor, encoding, payload)?);
            Ok(())
        }
        _ => cursor.skip(),
    })?;
    let at = cursor.at();
    cursor.end()?;
    let job = job.ok_or(Fault {
        at,
        what: "the message has no body",
    })?;
    Ok(Response { request_id, job })
}

fn read_job<'a, C: Cursor<'a>>(
    cursor: &mut C,
    encoding: Encoding,
    payload: &Bytes,
) -> Result<JobResponse, Fault> {
    let mut response = JobResponse::default();
    entries(cursor, |cursor, key| {
        match key {
            b"errors" => response.errors = errors(cursor, encoding, payload)?,
            b"context" => response.context = context(cursor, encoding, payload)?,
            b"actions" => {
                expect(cursor, Kind::List, "`actions` is not a list")?;
                let mut items = cursor.enter()?;
                while cursor.more(&mut items)? {
                    let action = read_action(cursor, encoding, payload)?;
                    response.actions.push(action);
                }
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(response)
}

fn read_action<'a, C: Cursor<'a>>(
    cursor: &mut C,
    encoding: Encoding,
    payload: &Bytes,
) -> Result<ActionResponse, Fault> {
    let mut response = ActionResponse::new("", Body::empty(encoding));
    entries(cursor, |cursor, key| {
        match key {
            b"action" => {
                expect(cursor, Kind::Text, "the name of an action is not text")?;
                let name = cursor.text()?.unwrap_or_default();
                response.action = name.into();
            }
            b"errors" => response.errors = errors(cursor, encoding, payload)?,
            b"body" => {
                let span = skipped(cursor)?;
                response.body = Body::from_bytes(encoding, payload.slice(span));
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(response)
}

/// Calls `each` for the entries of a map. Entries whose keys are not text are passed over.
fn entries<'a, C: Cursor<'a>>(
    cursor: &mut C,
    mut each: impl FnMut(&mut C, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    expect(cursor, Kind::Map, "not a map")?;
    let mut left = cursor.enter()?;
    while cursor.more(&mut left)? {
        match cursor.key()? {
            Key::Text(key) => each(cursor, &key)?,
            Key::Other => cursor.skip()?,
        }
    }
    Ok(())
}

fn expect<'a, C: Cursor<'a>>(cursor: &mut C, kind: Kind, what: &'static str) -> Result<(), Fault> {
    if cursor.kind()? != kind {
        return Err(Fault {
            at: cursor.at(),
            what,
        });
    }
    Ok(())
}

fn value<'a, C: Cursor<'a>>(
    cursor: &mut C,
    encoding: Encoding,
    payload: &Bytes,
) -> Result<Value, Fault> {
    let span = skipped(cursor)?;
    let at = span.start;
    let bytes = payload.get(span).unwrap_or_default();
    encoding.decode_value(bytes).map_err(|_| Fault {
        at,
        what: "a value that cannot be decoded",
    })
}

fn errors<'a, C: Cursor<'a>>(
    cursor: &mut C,
    encoding: Encoding,
    payload: &Bytes,
) -> Result<Vec<WireError>, Fault> {
    if let Some(end) = after_empty_list(cursor.clone()) {
        *cursor = end;
        return Ok(Vec::new());
    }
    let errors = value(cursor, encoding, payload)?;
    let errors = errors.as_list().unwrap_or_default();
    Ok(errors.iter().map(WireError::from_value).collect())
}

/// The place behind a list without items; `None` before anything else.
fn after_empty_list<'a, C: Cursor<'a>>(mut cursor: C) -> Option<C> {
    if cursor.kind().ok()? != Kind::List {
        return None;
    }
    let mut items = cursor.enter().ok()?;
    let is_empty = !cursor.more(&mut items).ok()?;
    is_empty.then_some(cursor)
}

fn context<'a, C: Cursor<'a>>(
    cursor: &mut C,
    encoding: Encoding,
    payload: &Bytes,
) -> Result<ResponseContext, Fault> {
    if let Some((correlation_id, end)) = correlation_id_alone(cursor.clone()) {
        *cursor = end;
        return Ok(ResponseContext {
            correlation_id,
            extra: Map::new(),
        });
    }
    let Value::Map(map) = value(cursor, encoding, payload)? else {
        return Ok(ResponseContext::default());
    };
    let correlation_id = map
        .get("correlation_id")
        .and_then(Value::as_str)
        .map(Into::into);
    let is_extra = |key: &Value| key.as_str() != Some("correlation_id");
    Ok(ResponseContext {
        correlation_id,
        extra: map.into_iter().filter(|(key, _)| is_extra(key)).collect(),
    })
}

/// Reads what most contexts are, and returns the place behind it; `None` before anything else.
fn correlation_id_alone<'a, C: Cursor<'a>>(mut cursor: C) -> Option<(Option<Arc<str>>, C)> {
    if cursor.kind().ok()? != Kind::Map {
        return None;
    }
    let (mut correlation_id, mut left) = (None, cursor.enter().ok()?);
    while cursor.more(&mut left).ok()? {
        let is_its_key = cursor.key().ok()?.name() == b"correlation_id";
        if !is_its_key || cursor.kind().ok()? != Kind::Text {
            return None;
        }
        correlation_id = Some(cursor.text().ok()??.into());
    }
    Some((correlation_id, cursor))
}
