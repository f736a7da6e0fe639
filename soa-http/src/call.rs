//! Calls by name, for everybody who has curl: `POST /call/<service>/<action>` with a body of JSON or MessagePack.

use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use soa_runtime::ErrorDescriptor;
use soa_wire::codec::{json, msgpack};
use soa_wire::text::{Plain, Reading, Shape};
use soa_wire::{
    ActionRequest, Body, Encoding as BodyEncoding, JobResponse, Map, Value, WireError, code, value,
};

use crate::arguments;
use crate::doors::Doors;
use crate::head::Head;
use crate::hosted::Hosted;
use crate::reply::{JSON, MSGPACK, Reply, unencodable};
use crate::{run, status};

/// The encoding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    MessagePack,
}

impl Encoding {
    /// Reads the body of a request; an empty one is an empty map.
    fn decode(self, body: &Bytes) -> Result<Plain, Reply> {
        if body.is_empty() {
            return Ok(Plain::from_value(Value::Map(Map::new())));
        }
        let decoded = match self {
            Self::Json => match std::str::from_utf8(body) {
                Ok(text) => Plain::from_json(text).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
            Self::MessagePack => msgpack::decode_value(body)
                .map(Plain::from_value)
                .map_err(|error| error.to_string()),
        };
        decoded.map_err(|error| {
            let message = format!("The body cannot be decoded: {error}");
            let error = WireError::caller(code::INVALID, message);
            self.reply(StatusCode::BAD_REQUEST, &errors_value(&[error]))
        })
    }

    fn shape(self) -> Shape {
        Shape {
            keeps_bytes: self == Self::MessagePack,
            keeps_floats: self == Self::MessagePack,
        }
    }

    fn reply(self, status: StatusCode, value: &Value) -> Reply {
        let mut body = Vec::with_capacity(128);
        let (content_type, written) = match self {
            Self::Json => (JSON, json::encode_compact(value, &mut body)),
            Self::MessagePack => (MSGPACK, msgpack::encode_value(value, &mut body)),
        };
        match written {
            Ok(()) => Reply::new(status, content_type, body),
            Err(error) => unencodable(error),
        }
    }

    fn refusal(self, errors: &[WireError], declared: &[ErrorDescriptor]) -> Reply {
        let status = status::of_all(errors, declared);
        let reply = self.reply(status, &errors_value(errors));
        status::with_headers(reply, errors, declared)
    }
}

/// Answers the call of one action.
pub(crate) async fn action(
    doors: &Doors,
    service: &str,
    action: &str,
    head: Head,
    encoding: Encoding,
    body: &Bytes,
) -> Reply {
    let (hosted, plain) = match opened(doors, service, encoding, body) {
        Ok(opened) => opened,
        Err(reply) => return reply,
    };
    let switches = head.context.switches.clone();
    let offered = hosted.answering(action, &switches);
    let request = match offered {
        Some(offered) => arguments::read(offered, plain, Reading::WEB),
        None => read_untyped(hosted, action, plain),
    };
    let declared = offered.map_or(&[][..], |offered| offered.descriptor.declared_errors());
    let request = match request {
        Ok(request) => request,
        Err(errors) => return encoding.refusal(&errors, declared),
    };
    match run::action(hosted, doors.stop(), head, action, &request).await {
        Ok(response) => {
            let response = match hosted.server.response_schema(action, &switches) {
                Some(schema) => encoding.shape().of(&schema, response),
                None => plain_value(encoding, response),
            };
            encoding.reply(StatusCode::OK, &response)
        }
        Err(errors) => encoding.refusal(&errors, declared),
    }
}

/// Finds the service of a request, and decodes its body.
fn opened<'a>(
    doors: &'a Doors,
    service: &str,
    encoding: Encoding,
    body: &Bytes,
) -> Result<(&'a Hosted, Plain), Reply> {
    let hosted = doors.named(service);
    let hosted = hosted.ok_or_else(|| no_service(doors, service, encoding))?;
    Ok((hosted, encoding.decode(body)?))
}

/// Reads the body of an action that is registered by name, or built in.
fn read_untyped(hosted: &Hosted, action: &str, plain: Plain) -> Result<Value, Vec<WireError>> {
    let schema = hosted.server.request_schema(action, &Default::default());
    let Some(schema) = schema else {
        return Ok(plain.into_value());
    };
    let (value, errors) = plain.read_as(&schema, Reading::WEB);
    match errors.is_empty() {
        true => Ok(value),
        false => Err(errors
            .into_iter()
            .map(|error| error.into_wire(true))
            .collect()),
    }
}

fn plain_value(encoding: Encoding, value: Value) -> Value {
    match encoding {
        Encoding::Json => Plain::of(&value).into_value(),
        Encoding::MessagePack => value,
    }
}

/// Answers a whole job: several actions, with a context and a control header, in the form of the wire.
pub(crate) async fn job(
    doors: &Doors,
    service: &str,
    mut head: Head,
    encoding: Encoding,
    body: &Bytes,
) -> Reply {
    let (hosted, plain) = match opened(doors, service, encoding, body) {
        Ok(opened) => opened,
        Err(reply) => return reply,
    };
    let actions = match read_job(hosted, &mut head, plain) {
        Ok(actions) => actions,
        Err(errors) => return encoding.refusal(&errors, &[]),
    };
    let switches = head.context.switches.clone();
    match run::job(hosted, doors.stop(), head, actions).await {
        Ok(response) if response.errors.is_empty() => {
            let response = job_value(hosted, encoding, response, &switches);
            encoding.reply(StatusCode::OK, &response)
        }
        Ok(response) => encoding.refusal(&response.errors, &[]),
        Err(errors) => encoding.refusal(&errors, &[]),
    }
}

/// Reads a job: `actions`, `context`, `control`. All errors of its form are found at once.
fn read_job(
    hosted: &Hosted,
    head: &mut Head,
    plain: Plain,
) -> Result<Vec<ActionRequest>, Vec<WireError>> {
    let Value::Map(mut job) = plain.into_exact() else {
        return Err(vec![WireError::caller(code::INVALID, "Not a map")]);
    };
    let mut errors = Vec::new();
    let wrong =
        |field: &str, problem: String| WireError::caller(code::INVALID, problem).with_field(field);
    let is_map = |value: Value| match Plain::exact(value).into_value() {
        Value::Map(map) => Some(map),
        _ => None,
    };
    if let Some(context) = job.remove("context") {
        for (key, value) in is_map(context).into_iter().flatten() {
            if let Value::Text(key) = key
                && let Err(problem) = head.context.set(key, value)
            {
                errors.push(wrong("context", problem));
            }
        }
    }
    if let Some(control) = job.remove("control") {
        for (key, value) in is_map(control).into_iter().flatten() {
            if let Value::Text(key) = key
                && let Err(problem) = head.control.set(key, value)
            {
                errors.push(wrong("control", problem));
            }
        }
    }
    let Some(Value::List(listed)) = job.remove("actions") else {
        errors.push(wrong("actions", "Not a list".to_owned()));
        return Err(errors);
    };
    let mut actions = Vec::with_capacity(listed.len());
    for (index, one) in listed.into_iter().enumerate() {
        let place = format!("actions.{index}");
        let Value::Map(mut one) = one else {
            errors.push(wrong(&place, "Not a map".to_owned()));
            continue;
        };
        let Some(Value::Text(name)) = one.remove("action") else {
            errors.push(wrong(&format!("{place}.action"), "Not a text".to_owned()));
            continue;
        };
        let body = one.remove("body").unwrap_or(Value::Map(Map::new()));
        let body = Plain::exact(body);
        let read = match hosted.answering(&name, &head.context.switches) {
            Some(offered) => arguments::read(offered, body, Reading::WEB),
            None => read_untyped(hosted, &name, body),
        };
        match read {
            Ok(body) => {
                let body = Body::encode(BodyEncoding::MessagePack, &body);
                actions.push(ActionRequest::new(name, body));
            }
            Err(wrong) => errors.extend(wrong.into_iter().map(|error| {
                let field = error.field.clone().unwrap_or_default();
                error.with_field(format!("{place}.body.{field}"))
            })),
        }
    }
    match errors.is_empty() {
        true => Ok(actions),
        false => Err(errors),
    }
}

fn job_value(
    hosted: &Hosted,
    encoding: Encoding,
    response: JobResponse,
    switches: &soa_wire::SwitchSet,
) -> Value {
    let actions = response.actions.into_iter().map(|action| {
        let body = action.body.to_value().unwrap_or_default();
        let body = match hosted.server.response_schema(&action.action, switches) {
            Some(schema) if action.errors.is_empty() => encoding.shape().of(&schema, body),
            _ => plain_value(encoding, body),
        };
        let errors: Vec<Value> = action.errors.iter().map(error_value).collect();
        value!({
            "action": (&*action.action),
            "errors": (Value::List(errors)),
            "body": body,
        })
    });
    let actions = Value::List(actions.collect());
    let id = response.context.correlation_id;
    let id = id.map_or(Value::Nil, |id| Value::from(&*id));
    value!({
        "actions": actions,
        "errors": [],
        "context": { "correlation_id": id },
    })
}

fn no_service(doors: &Doors, service: &str, encoding: Encoding) -> Reply {
    let known: Vec<&str> = doors
        .services()
        .iter()
        .map(|one| one.server.name())
        .collect();
    let message = format!(
        "There is no service `{service}` here; there is `{}`",
        known.join("`, `")
    );
    let error = WireError::caller(code::NOT_FOUND, message).with_field("service");
    encoding.refusal(&[error], &[])
}

pub(crate) fn errors_value(errors: &[WireError]) -> Value {
    let errors: Vec<Value> = errors.iter().map(error_value).collect();
    value!({ "errors": (Value::List(errors)) })
}

fn error_value(error: &WireError) -> Value {
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

/// Returns the time that a request took, as browsers show it.
pub(crate) fn server_timing(took: std::time::Duration) -> Option<HeaderValue> {
    let milliseconds = took.as_secs_f64() * 1000.0;
    HeaderValue::from_str(&format!("total;dur={milliseconds:.3}")).ok()
}
