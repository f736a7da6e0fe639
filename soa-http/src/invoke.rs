//! A call by protobuf from its request to its answer.

use axum::http::{HeaderMap, StatusCode};
use soa_wire::text::{Plain, Reading, Shape};
use soa_wire::{Channel, WireError, code};

use crate::arguments;
use crate::dispatch::{self, exception_text, find, undecodable};
use crate::doors::Doors;
use crate::head::Head;
use crate::protobuf::{Call, Protobuf, read, write};
use crate::reply::{PROTOBUF, Reply};
use crate::run;

/// The header with the method id.
pub(crate) const METHOD: &str = "x-rpc-method";

/// Protobuf has bytes, and floats with all that is not a number.
pub(crate) const SHAPE: Shape = Shape {
    keeps_bytes: true,
    keeps_floats: true,
};

/// Answers a call.
pub(crate) async fn answer(
    doors: &Doors,
    protobuf: &Protobuf,
    headers: &HeaderMap,
    head: Box<Head>,
    body: &[u8],
) -> Reply {
    let no_method = |code, message| vec![WireError::caller(code, message).with_field(METHOD)];
    let found = match headers.get(METHOD).map(|id| id.to_str()) {
        Some(Ok(id)) => find(doors, id, &head.context.switches, Channel::Protobuf),
        Some(Err(_)) => Err(no_method(
            code::INVALID,
            "the method id is malformed, it is not `component:service:method`",
        )),
        None => Err(no_method(
            code::MISSING,
            "the method id is missing, as `component:service:method`",
        )),
    };
    let (hosted, offered) = match found {
        Ok(found) => found,
        Err(errors) => return refusal(None, &errors),
    };
    let Some(call) = protobuf.call(hosted, offered) else {
        let message = format!("`{}` has no messages of protobuf", offered.name());
        return refusal(None, &[WireError::server(code::SERVER_ERROR, message)]);
    };
    let (request, errors) = match read::message(&call.request, body) {
        Ok(read) => read,
        Err(error) => return undecodable(error),
    };
    let request = Plain::from_value(request);
    let request = arguments::read_after(offered, request, Reading::ARGUMENTS, errors);
    let outcome = match request {
        Ok(request) => dispatch::run(doors, head, hosted, offered, request, SHAPE).await,
        Err(errors) => Err(errors),
    };
    let written = outcome.and_then(|result| write::result(call, result));
    match written {
        Ok(body) => Reply::new(StatusCode::OK, PROTOBUF, body),
        Err(errors) => refusal(Some(call), &errors),
    }
}

/// Answers with an exception. Clients of the reference see one beside a result that is a scalar. Otherwise, and where it is
/// not known what the result would be, they see the status and its phrase.
fn refusal(call: Option<&Call>, errors: &[WireError]) -> Reply {
    let text = exception_text(errors);
    if let Some(reply) = dispatch::overloaded(errors) {
        return reply;
    }
    let status = match (run::refusal(errors), call) {
        (Some(status), _) => status,
        (None, Some(call)) if !call.has_compound_result() => StatusCode::OK,
        (None, _) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let reply = Reply::new(status, PROTOBUF, write::exception(&text)).with_headers_of(errors);
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => reply.with_reason(&text),
        _ => reply,
    }
}
