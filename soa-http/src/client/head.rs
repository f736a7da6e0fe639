//! The headers of a job, for doors of this framework. Servers of Aspyx ignore all but the token.

use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use soa_wire::codec::json;
use soa_wire::redact;
use soa_wire::text::Plain;
use soa_wire::{JobRequest, Map, Value};

use crate::head::{CALLER, CONTEXT, CORRELATION_ID, SWITCHES, TIMEOUT, TRACE_PARENT, TRACE_STATE};

/// Writes the context of a job and the time that is left for it.
///
/// # Errors
/// A value cannot be in a header.
pub(super) fn write(job: &JobRequest, time: Option<Duration>) -> Result<HeaderMap, String> {
    let context = &job.context;
    let mut headers = HeaderMap::with_capacity(8);
    let mut add = |name: &'static str, value: String| match HeaderValue::try_from(value) {
        Ok(value) => {
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        }
        Err(_) => Err(format!(
            "the header `{name}` cannot hold the value of the context"
        )),
    };
    add(CORRELATION_ID, context.correlation_id.to_string())?;
    if let Some(caller) = &context.caller {
        add(CALLER, caller.to_string())?;
    }
    if !context.switches.is_empty() {
        let numbers = context.switches.iter();
        let numbers: Vec<String> = numbers.map(|one| one.number().to_string()).collect();
        add(SWITCHES, numbers.join(","))?;
    }
    if let Some(time) = time {
        add(TIMEOUT, format!("{}ms", time.as_millis().max(1)))?;
    }
    if let Some(parent) = &context.trace_parent {
        add(TRACE_PARENT, parent.to_string())?;
        if let Some(state) = &context.trace_state {
            add(TRACE_STATE, state.to_string())?;
        }
    }
    let extra = extra(job);
    if !extra.is_empty() {
        let mut text = Vec::with_capacity(64);
        let plain = Plain::of(&Value::Map(extra)).into_value();
        json::encode_compact(&plain, &mut text).map_err(|error| format!("the context: {error}"))?;
        add(CONTEXT, ascii(&text))?;
    }
    Ok(headers)
}

/// The further keys of the context, without the tokens of the caller: they go only where they are allowed to.
pub(super) fn extra(job: &JobRequest) -> Map {
    let context = &job.context;
    let further = context.extra.iter();
    let further = further.filter(|(key, _)| !is_token(key)).cloned();
    let mut extra: Map = further.collect();
    if let Some(service) = &context.calling_service {
        extra.insert("calling_service", &**service);
    }
    extra
}

/// True if a key of the context has a token.
fn is_token(key: &Value) -> bool {
    key.as_str().is_some_and(redact::is_token)
}

/// Headers are ASCII, and JSON has escapes for the rest.
fn ascii(json: &[u8]) -> String {
    let mut text = String::with_capacity(json.len());
    for character in String::from_utf8_lossy(json).chars() {
        match character.is_ascii() {
            true => text.push(character),
            false => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}

/// The token in the context of a job.
pub(super) fn token(job: &JobRequest) -> Option<String> {
    let mut extra = job.context.extra.iter();
    let (_, token) = extra.find(|(key, _)| is_token(key))?;
    token.as_str().map(str::to_owned)
}

/// Adds a token. It is never shown in logs.
///
/// # Errors
/// It cannot be in a header.
pub(super) fn add_token(headers: &mut HeaderMap, token: &str) -> Result<(), String> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| "the token cannot be in a header".to_owned())?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}
