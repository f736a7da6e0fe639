//! Calls by name, for everybody who has curl: `POST /call/<service>/<action>` with a body of JSON or MessagePack.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use soa_wire::schema::MAX_ERRORS;
use soa_wire::text::{Plain, Reading};
use soa_wire::{
    ActionRequest, Body, Encoding as BodyEncoding, JobResponse, Map, SwitchSet, Value, WireError,
    code, value,
};

use crate::arguments;
use crate::doors::Doors;
use crate::encoding::{Encoding, error_value};
use crate::head::{Head, id_header};
use crate::hosted::Hosted;
use crate::reply::Reply;
use crate::run;

/// Answers the call of one action.
pub(crate) async fn action(
    doors: &Doors,
    service: &str,
    action: &str,
    head: Box<Head>,
    encoding: Encoding,
    body: &Bytes,
) -> Reply {
    let (hosted, plain) = match opened(doors, service, encoding, body) {
        Ok(opened) => opened,
        Err(reply) => return reply,
    };
    let switches = head.context.switches.clone();
    let offered = hosted.answering(action, &switches);
    let request = read_body(hosted, action, &switches, plain);
    let declared = offered.map_or(&[][..], |offered| offered.descriptor.declared_errors());
    let request = match request {
        Ok(request) => request,
        Err(errors) => return encoding.refusal(&errors, declared),
    };
    match run::action(hosted, doors.stop(), head, action, request).await {
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

/// Reads the body of an action. Those that are registered by name, or built in, may have no types.
fn read_body(
    hosted: &Hosted,
    action: &str,
    switches: &SwitchSet,
    plain: Plain,
) -> Result<Value, Vec<WireError>> {
    if plain.as_map().is_none() {
        return Err(vec![WireError::caller(code::INVALID, "Not a map")]);
    }
    if let Some(offered) = hosted.answering(action, switches) {
        return arguments::read(offered, plain, Reading::WEB);
    }
    let schema = hosted.server.request_schema(action, &SwitchSet::new());
    let (value, errors) = match schema {
        Some(schema) => plain.read_as(&schema, Reading::WEB),
        None => plain.read_untyped(Reading::WEB),
    };
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
    mut head: Box<Head>,
    encoding: Encoding,
    body: &Bytes,
) -> Reply {
    let (hosted, plain) = match opened(doors, service, encoding, body) {
        Ok(opened) => opened,
        Err(reply) => return reply,
    };
    let actions = read_job(hosted, &mut head, plain);
    // The body may have another one than the headers.
    let id = id_header(&head.context.correlation_id);
    let reply = match actions {
        Ok(actions) => run_job(doors, hosted, head, encoding, actions).await,
        Err(errors) => encoding.refusal(&errors, &[]),
    };
    reply.with_optional_header(id)
}

async fn run_job(
    doors: &Doors,
    hosted: &Hosted,
    head: Box<Head>,
    encoding: Encoding,
    actions: Vec<ActionRequest>,
) -> Reply {
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
    let context = header_of(&mut job, "context", &mut errors);
    for (key, value) in context {
        if let Err(problem) = head.context.set(key, value) {
            errors.push(wrong("context", problem));
        }
    }
    let control = header_of(&mut job, "control", &mut errors);
    for (key, value) in control {
        if key == "timeout" && !is_timeout(&value) {
            errors.push(wrong("control.timeout", "Not a positive number of seconds"));
        } else if let Err(problem) = head.control.set(key, value) {
            errors.push(wrong("control", problem));
        }
    }
    let Some(Value::List(listed)) = job.remove("actions") else {
        errors.push(wrong("actions", "Not a list"));
        return Err(errors);
    };
    let (given, most) = (listed.len(), hosted.server.max_actions());
    if given == 0 {
        errors.push(wrong("actions", "List is shorter than 1"));
    } else if given > most {
        let message = format!("The job has {given} actions; this service accepts up to {most}");
        let error = WireError::caller(code::REQUEST_TOO_LARGE, message);
        errors.insert(0, error.with_field("actions"));
        return Err(errors);
    }
    let mut actions = Vec::with_capacity(given);
    for (index, one) in listed.into_iter().enumerate() {
        match read_action(
            hosted,
            &head.context.switches,
            &format!("actions.{index}"),
            one,
        ) {
            Ok(action) => actions.push(action),
            Err(wrong) => errors.extend(wrong),
        }
        if errors.len() >= MAX_ERRORS {
            errors.truncate(MAX_ERRORS);
            break;
        }
    }
    match errors.is_empty() {
        true => Ok(actions),
        false => Err(errors),
    }
}

/// Reads one action of a job.
fn read_action(
    hosted: &Hosted,
    switches: &SwitchSet,
    place: &str,
    action: Value,
) -> Result<ActionRequest, Vec<WireError>> {
    let Value::Map(mut action) = action else {
        return Err(vec![wrong(place, "Not a map")]);
    };
    let Some(Value::Text(name)) = action.remove("action") else {
        return Err(vec![wrong(&format!("{place}.action"), "Not a text")]);
    };
    let body = action.remove("body").unwrap_or(Value::Map(Map::new()));
    match read_body(hosted, &name, switches, Plain::exact(body)) {
        Ok(body) => {
            let body = Body::encode(BodyEncoding::MessagePack, &body);
            Ok(ActionRequest::new(name, body))
        }
        Err(errors) => {
            let errors = errors.into_iter().map(|error| {
                let place = match &error.field {
                    Some(field) => format!("{place}.body.{field}"),
                    None => format!("{place}.body"),
                };
                error.with_field(place)
            });
            Err(errors.collect())
        }
    }
}

/// Takes a header out of a job: its pairs, which are none if it is absent or null.
fn header_of(job: &mut Map, name: &str, errors: &mut Vec<WireError>) -> Vec<(String, Value)> {
    let header = job.remove(name).map(|one| Plain::exact(one).into_value());
    let pairs = match header {
        None | Some(Value::Nil) => return Vec::new(),
        Some(Value::Map(header)) => header.into_pairs(),
        Some(_) => {
            errors.push(wrong(name, "Not a map"));
            return Vec::new();
        }
    };
    let texts = pairs.into_iter().filter_map(|(key, value)| match key {
        Value::Text(key) => Some((key, value)),
        _ => {
            errors.push(wrong(name, "A key is not text"));
            None
        }
    });
    texts.collect()
}

fn is_timeout(value: &Value) -> bool {
    let seconds = value.as_f64().map(Duration::try_from_secs_f64);
    value.is_nil() || matches!(seconds, Some(Ok(time)) if !time.is_zero())
}

fn wrong(field: &str, problem: impl Into<Cow<'static, str>>) -> WireError {
    WireError::caller(code::INVALID, problem).with_field(field)
}

fn job_value(
    hosted: &Hosted,
    encoding: Encoding,
    response: JobResponse,
    switches: &SwitchSet,
) -> Value {
    let actions = response.actions.into_iter().map(|action| {
        let body = action.body.into_value().unwrap_or_default();
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

/// Returns the time that a request took, as browsers show it.
pub(crate) fn server_timing(took: Duration) -> Option<HeaderValue> {
    let milliseconds = took.as_secs_f64() * 1000.0;
    HeaderValue::from_str(&format!("total;dur={milliseconds:.3}")).ok()
}
