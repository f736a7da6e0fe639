//! `POST /invoke`: calls by method id and position, as JSON or MessagePack. The protocol is that of Aspyx.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use soa_wire::codec::{EncodeError, json, msgpack};
use soa_wire::text::Shape;
use soa_wire::{Channel, Map, Name, SwitchSet, Value, WireError, code};

use crate::arguments::by_position;
use crate::doors::Doors;
use crate::encoding::Encoding;
use crate::head::Head;
use crate::hosted::{Hosted, Offered};
use crate::reply::Reply;
use crate::{run, status};

/// The header of callers who want the errors of a call in any case, and not only their text.
pub(crate) const ERRORS: &str = "x-soa-errors";

impl Encoding {
    /// Encodes the answer with a result: a map of `result` and of an `exception`, which is nil.
    fn encode_result(self, result: &Value) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(128);
        match self {
            Self::Json => {
                out.extend_from_slice(br#"{"result":"#);
                json::encode_compact(result, &mut out)?;
                out.extend_from_slice(br#","exception":null}"#);
            }
            Self::MessagePack => {
                // A map of two, and texts of 6 and of 9 bytes.
                out.extend_from_slice(b"\x82\xa6result");
                msgpack::encode_value(result, &mut out)?;
                out.extend_from_slice(b"\xa9exception\xc0");
            }
        }
        Ok(out)
    }

    /// Returns the channel of dispatch calls in this encoding.
    fn channel(self) -> Channel {
        match self {
            Self::Json => Channel::Json,
            Self::MessagePack => Channel::MessagePack,
        }
    }

    /// JSON has neither bytes nor infinities: bytes become text, and a float without digits cannot be answered.
    fn result_shape(self) -> Shape {
        Shape {
            keeps_floats: true,
            ..self.shape()
        }
    }
}

/// Answers a call.
pub(crate) async fn answer(
    doors: &Doors,
    headers: &HeaderMap,
    head: Box<Head>,
    encoding: Encoding,
    body: Bytes,
) -> Reply {
    let call = match encoding.read(&body) {
        Ok(Value::Map(call)) => call,
        Ok(other) => {
            return undecodable(format_args!(
                "a map was expected, not {}",
                other.kind_name()
            ));
        }
        Err(error) => return undecodable(error),
    };
    let wants_errors = || headers.contains_key(ERRORS);
    let outcome = invoke(doors, head, call, encoding).await;
    let (written, errors) = match outcome {
        Ok(result) => (encoding.encode_result(&result), Vec::new()),
        Err(errors) => match overloaded(&errors) {
            Some(reply) => return reply,
            None => (
                encoding.encode(&exception_of(&errors, wants_errors())),
                errors,
            ),
        },
    };
    // The errors of a call are a success of HTTP, but not those of a job that was refused before.
    let refusal = run::refusal(&errors);
    let written = written.or_else(|error| {
        let message = format!("The result cannot be encoded: {error}");
        let error = WireError::server(code::RESPONSE_NOT_SERIALIZABLE, message);
        encoding.encode(&exception_of(&[error], wants_errors()))
    });
    match written {
        Ok(body) => {
            let status = refusal.unwrap_or(StatusCode::OK);
            let reply = Reply::new(status, encoding.content_type(), body);
            match refusal {
                Some(_) => status::with_headers(reply, &errors, &[]),
                None => reply,
            }
        }
        Err(error) => Reply::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn invoke(
    doors: &Doors,
    head: Box<Head>,
    call: Map,
    encoding: Encoding,
) -> Result<Value, Vec<WireError>> {
    let (mut method, mut arguments) = (None, None);
    for (key, value) in call.into_pairs() {
        match key.as_str() {
            Some("method") => method = Some(value),
            Some("args") => arguments = Some(value),
            _ => {}
        }
    }
    let Some(Value::Text(method)) = method else {
        let what = "the method id, as `component:service:method`";
        return Err(missing("method", what));
    };
    let arguments = match arguments {
        Some(Value::List(arguments)) => arguments,
        None => Vec::new(),
        Some(_) => return Err(missing("args", "the list of arguments")),
    };
    let (hosted, offered) = find(doors, &method, &head.context.switches, encoding.channel())?;
    let request = by_position(offered, arguments, |value| encoding.plain(value))?;
    run(
        doors,
        head,
        hosted,
        offered,
        request,
        encoding.result_shape(),
    )
    .await
}

/// Runs a call whose request was read, and returns its result.
pub(crate) async fn run(
    doors: &Doors,
    head: Box<Head>,
    hosted: &Hosted,
    offered: &Offered,
    request: Value,
    shape: Shape,
) -> Result<Value, Vec<WireError>> {
    let response = run::action(
        hosted,
        doors.stop(),
        head,
        Name::from_static(offered.name()),
        request,
    )
    .await?;
    let result = offered.result(response, shape);
    match result.is_nil() && !offered.result_may_be_nil() {
        true => Err(vec![no_result(offered)]),
        false => Ok(result),
    }
}

/// Finds the action of a method id: `component:service:method`.
pub(crate) fn find<'a>(
    doors: &'a Doors,
    id: &str,
    switches: &SwitchSet,
    channel: Channel,
) -> Result<(&'a Hosted, &'a Offered), Vec<WireError>> {
    let mut parts = id.split(':');
    let (Some(component), Some(service), Some(method), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let message = format!("The method id `{id}` is not `component:service:method`");
        return Err(vec![unknown(message)]);
    };
    // The reference looks at the name of the service alone, so its clients may know the component by another name. One that
    // is here has only its own services.
    let is_here = doors.components().any(|one| one.name() == component);
    let is_meant = |hosted: &&Hosted| !is_here || hosted.component == component;
    let Some(hosted) = doors.named(service).filter(is_meant) else {
        let message = format!("There is no service `{service}` in the component `{component}`");
        return Err(vec![unknown(message)]);
    };
    if !hosted.offers(channel) {
        let (component, channel) = (&hosted.component, channel.name());
        let message = format!("The component `{component}` has no channel `{channel}`");
        return Err(vec![unknown(message)]);
    }
    let Some(offered) = hosted.answering(method, switches) else {
        let message = match hosted.server.has_action(method) {
            true => format!(
                "`{method}` of `{service}` cannot be called by position: its types are not declared"
            ),
            false => format!("The service `{service}` has no method `{method}`"),
        };
        return Err(vec![unknown(message)]);
    };
    Ok((hosted, offered))
}

/// Returns the answer of a server that is overloaded. It is one of HTTP, as the service was not called.
pub(crate) fn overloaded(errors: &[WireError]) -> Option<Reply> {
    run::refusal(errors).filter(|status| *status == StatusCode::SERVICE_UNAVAILABLE)?;
    let error = errors.iter().find(|error| error.code == code::OVERLOADED)?;
    let reply = Reply::text(StatusCode::SERVICE_UNAVAILABLE, &*error.message);
    Some(reply.with_header(RETRY_AFTER, HeaderValue::from_static("1")))
}

fn unknown(message: String) -> WireError {
    WireError::caller(code::UNKNOWN, message).with_field("method")
}

fn missing(key: &str, what: &str) -> Vec<WireError> {
    let message = format!("`{key}` has to be {what}");
    vec![WireError::caller(code::INVALID, message).with_field(key)]
}

fn no_result(offered: &Offered) -> WireError {
    let message = format!("`{}` answered without its result", offered.name());
    WireError::server(code::SERVER_ERROR, message)
}

/// Returns the answer for a body that is not of its encoding.
pub(crate) fn undecodable(error: impl std::fmt::Display) -> Reply {
    let message = format!("The body cannot be decoded: {error}");
    Reply::text(StatusCode::BAD_REQUEST, message)
}

/// Returns the answer with an exception. It has the errors, too, where they tell more than the exception: several of them,
/// their fields; or their codes, for a caller that asks for them. Otherwise, it has what the reference answers.
fn exception_of(errors: &[WireError], wants_errors: bool) -> Value {
    let mut answer = Map::with_capacity(3);
    answer.push("result", Value::Nil);
    answer.push("exception", exception_text(errors));
    if !wants_errors && matches!(errors, [only] if only.field.is_none()) {
        return Value::Map(answer);
    }
    let told = errors.iter().map(|error| {
        let mut told = Map::with_capacity(3);
        told.push("code", &*error.code);
        told.push("message", &*error.message);
        let field = error.field.as_deref();
        told.push("field", field.map_or(Value::Nil, Value::from));
        Value::Map(told)
    });
    answer.push("errors", Value::List(told.collect()));
    Value::Map(answer)
}

/// Returns the text of an exception. It is never empty, as that would be a success: the code stands in for no message.
pub(crate) fn exception_text(errors: &[WireError]) -> String {
    let text = |error: &WireError| match (&*error.message, &error.field) {
        ("", _) => error.code.to_string(),
        (message, Some(field)) => format!("{field}: {message}"),
        (message, None) => message.to_owned(),
    };
    let texts: Vec<String> = errors.iter().map(text).collect();
    match texts.is_empty() {
        true => code::SERVER_ERROR.to_owned(),
        false => texts.join("; "),
    }
}
