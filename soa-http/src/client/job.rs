//! Calls by name: whole jobs for `POST /call/<service>`, which only this framework's doors have.

use std::sync::Arc;

use bytes::Bytes;
use soa_wire::codec::msgpack;
use soa_wire::text::Plain;
use soa_wire::{
    ActionRequest, ActionResponse, Body, Encoding, JobRequest, JobResponse, Map, Name, Value,
    WireError,
};

use super::failure::error_of;
use super::head;
use super::known::KnownAction;

/// Writes a job. Values that MessagePack has no type for become texts. A field that is absent stays so, as a null may be a
/// value.
///
/// # Errors
/// A body cannot be encoded.
pub(super) fn write(job: &JobRequest) -> Result<Bytes, String> {
    let mut actions = Vec::with_capacity(job.actions.len());
    for request in &job.actions {
        let mut action = Map::with_capacity(2);
        action.push("action", request.action.as_str());
        action.push("body", body(request)?);
        actions.push(Value::Map(action));
    }
    let mut context = Map::with_capacity(1);
    for (key, value) in head::extra(job) {
        context.insert(key, Plain::of(&value).into_value());
    }
    let mut control = job.control.to_map();
    // These are about a queue. The time that is left is in a header.
    control.remove("suppress_response");
    control.remove("timeout");
    let mut told = Map::with_capacity(3);
    told.push("actions", Value::List(actions));
    told.push("context", Value::Map(context));
    told.push("control", Value::Map(control));
    let mut out = Vec::with_capacity(256);
    msgpack::encode_value(&Value::Map(told), &mut out).map_err(|error| error.to_string())?;
    Ok(out.into())
}

fn body(request: &ActionRequest) -> Result<Value, String> {
    let value = request.body.to_value();
    value.map(plain).map_err(|error| error.to_string())
}

/// Dates, decimals and the like as texts; bytes and floats as they are.
fn plain(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            let pairs = map.into_pairs().into_iter();
            Value::Map(pairs.map(|(key, value)| (key, plain(value))).collect())
        }
        Value::List(list) => list.into_iter().map(plain).collect(),
        Value::Bytes(_) | Value::Float(_) => value,
        value => Plain::of(&value).into_value(),
    }
}

/// Reads the response of a job.
///
/// # Errors
/// The bytes are no response, or the body of an action is not of its type.
pub(super) fn read(
    response: &[u8],
    job: &[Name],
    known: &[Option<Arc<KnownAction>>],
) -> Result<JobResponse, String> {
    let response = msgpack::decode_value(response).map_err(|error| error.to_string())?;
    let mut read = JobResponse::default();
    if let Some(context) = response.get("context") {
        let id = context.get("correlation_id").and_then(Value::as_str);
        read.context.correlation_id = id.map(Into::into);
    }
    let answers = response.get("actions").and_then(Value::as_list);
    let answers = answers.ok_or("it has no list of actions")?;
    for (index, answer) in answers.iter().enumerate() {
        let name = answer
            .get("action")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_expected = job.get(index).is_some_and(|asked| asked == name);
        if !is_expected {
            return Err(format!(
                "its action {index} is `{name}`, which was not called there"
            ));
        }
        let errors = answer
            .get("errors")
            .and_then(Value::as_list)
            .unwrap_or_default();
        let errors: Vec<WireError> = errors.iter().filter_map(error_of).collect();
        let name: Name = name.to_owned().into();
        if !errors.is_empty() {
            read.actions
                .push(ActionResponse::failed(name, errors, Encoding::MessagePack));
            continue;
        }
        let body = answer.get("body").cloned().unwrap_or_default();
        let known = known.get(index).and_then(Option::as_ref);
        let body = match known {
            Some(known) => known.read(Plain::from_value(body))?,
            None => Body::encode(Encoding::MessagePack, &body),
        };
        read.actions.push(ActionResponse::new(name, body));
    }
    Ok(read)
}
