//! The way in: the response of a job from a response of HTTP, by each channel.

use std::sync::Arc;

use axum::http::Response;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use bytes::Bytes;
use soa_runtime::Channel;
use soa_runtime::client::ClientRequest;
use soa_runtime::message::RESULT;
use soa_wire::text::Plain;
use soa_wire::{
    ActionRequest, ActionResponse, Body, Encoding as Format, JobResponse, Map, Name, Value,
    WireError,
};

use super::failure::{Failure, errors_of};
use super::known::KnownAction;
use super::outgoing::Outgoing;
use super::{job, positional};
use crate::encoding::{Encoding, json_of, msgpack_of};

/// Reads a response.
///
/// # Errors
/// It is no answer of the channel, or a result is not of its type.
pub(super) fn read(
    channel: Channel,
    request: &ClientRequest,
    outgoing: &Outgoing,
    response: Response<Bytes>,
) -> Result<JobResponse, String> {
    let mut read = match response.status().is_success() {
        true => success(channel, request, outgoing, response.body())?,
        false => failure(channel, request, outgoing, response)?,
    };
    if let Some(token) = outgoing.headers.get(AUTHORIZATION) {
        hide(token, &mut read);
    }
    let id = &request.job.context.correlation_id;
    read.context
        .correlation_id
        .get_or_insert_with(|| Arc::clone(id));
    Ok(read)
}

/// The action of a job that has one, and what is known of it.
fn only<'a>(
    request: &'a ClientRequest,
    outgoing: &'a Outgoing,
) -> Result<(&'a ActionRequest, Option<&'a KnownAction>), String> {
    let action = request.job.actions.first().ok_or("no action was called")?;
    let known = outgoing.known.first().and_then(Option::as_deref);
    Ok((action, known))
}

fn success(
    channel: Channel,
    request: &ClientRequest,
    outgoing: &Outgoing,
    body: &Bytes,
) -> Result<JobResponse, String> {
    if channel == Channel::Call {
        let actions = request.job.actions.iter();
        let asked: Vec<Name> = actions.map(|one| one.action.clone()).collect();
        return job::read(body, &asked, &outgoing.known);
    }
    let (action, known) = only(request, outgoing)?;
    let (outcome, wrap): (_, fn(Value) -> Plain) = match (channel, known) {
        (Channel::Rest, _) => (Ok(rest_result(body)?), Plain::exact),
        (Channel::Protobuf, Some(known)) => {
            (positional::protobuf_answer(known, body)?, Plain::from_value)
        }
        (Channel::MessagePack, _) => (
            positional::answer(Encoding::MessagePack, body)?,
            Plain::from_value,
        ),
        (_, _) => (positional::answer(Encoding::Json, body)?, Plain::exact),
    };
    let result = match outcome {
        Ok(result) => result,
        Err(errors) => return Ok(failed(action, errors)),
    };
    let body = match known.filter(|_| !action.is_positional) {
        Some(known) => known.body(result, wrap)?,
        None => {
            let result = Plain::exact(result).into_value();
            Body::encode(
                Format::MessagePack,
                &Value::Map(Map::from([(RESULT, result)])),
            )
        }
    };
    Ok(answered(ActionResponse::new(action.action.clone(), body)))
}

fn failure(
    channel: Channel,
    request: &ClientRequest,
    outgoing: &Outgoing,
    response: Response<Bytes>,
) -> Result<JobResponse, String> {
    let (head, body) = response.into_parts();
    let (action, known) = only(request, outgoing)?;
    // The body may be an answer of the channel: a result cannot be told from the lack of one by protobuf.
    let told = match (channel, known) {
        (Channel::Protobuf, Some(known)) => positional::protobuf_answer(known, &body).ok(),
        (Channel::MessagePack, _) => positional::answer(Encoding::MessagePack, &body).ok(),
        (Channel::Json, _) => positional::answer(Encoding::Json, &body).ok(),
        (Channel::Call, _) => {
            let body = msgpack_of(&body).ok();
            body.and_then(|body| errors_of(&body)).map(Err)
        }
        _ => None,
    };
    let declared = known.map_or(&[][..], |known| known.offered.descriptor.declared_errors());
    Ok(match (Failure::of(&head, &body, declared), told) {
        (Failure::Job(error), _) => JobResponse::failed(vec![error]),
        (_, Some(Err(errors))) | (Failure::Action(errors), _) => failed(action, errors),
    })
}

fn failed(action: &ActionRequest, errors: Vec<WireError>) -> JobResponse {
    let action = action.action.clone();
    answered(ActionResponse::failed(action, errors, Format::MessagePack))
}

fn answered(action: ActionResponse) -> JobResponse {
    let mut response = JobResponse::default();
    response.actions.push(action);
    response
}

fn rest_result(body: &[u8]) -> Result<Value, String> {
    match body.is_empty() {
        // 204.
        true => Ok(Value::Nil),
        false => json_of(body),
    }
}

/// Removes a token from the texts of errors: a server may answer with what it was sent.
fn hide(token: &HeaderValue, response: &mut JobResponse) {
    let token = token.to_str().unwrap_or_default();
    let token = token.rsplit(' ').next().unwrap_or_default();
    let of_actions = response
        .actions
        .iter_mut()
        .flat_map(|action| &mut action.errors);
    for error in response.errors.iter_mut().chain(of_actions) {
        if !token.is_empty() && error.message.contains(token) {
            error.message = error.message.replace(token, "…").into();
        }
    }
}
