//! A call of REST from its request to its answer.

use axum::http::StatusCode;
use bytes::Bytes;
use soa_wire::text::{Plain, Reading, Shape};
use soa_wire::{Name, Value, WireError};

use super::read::{PathTexts, sent};
use super::refusal;
use crate::arguments;
use crate::doors::Doors;
use crate::head::Head;
use crate::hosted::Offered;
use crate::path::{escaped, text_of};
use crate::reply::Reply;
use crate::route::RoutePlan;
use crate::{run, status};

/// Answers a request for a route.
pub(crate) async fn answer(
    doors: &Doors,
    plan: &RoutePlan,
    head: Box<Head>,
    path: PathTexts<'_>,
    body: &Bytes,
) -> Reply {
    let http = head.request.clone();
    let sent = || sent(plan, path, http.query(), body);
    let read = match sent() {
        Ok(sent) => arguments::read(&plan.offered, Plain::exact(sent), Reading::WEB),
        Err(reply) => return reply,
    };
    let has_headers = !plan.offered.http().success_headers().is_empty();
    let outcome = match read {
        Ok(request) => {
            let told = has_headers.then(|| request.clone());
            let running = run::action(
                &plan.hosted,
                doors.stop(),
                head,
                Name::from_static(plan.offered.name()),
                request,
            );
            running.await.map(|response| (told, response))
        }
        Err(errors) => Err(errors),
    };
    match outcome {
        Ok((told, response)) => done(&plan.offered, &told.unwrap_or_default(), response),
        // Only errors need what was sent once more.
        Err(errors) => match sent() {
            Ok(sent) => failed(plan, &sent, &errors),
            Err(reply) => reply,
        },
    }
}

/// Returns the answer of a success. `request` is nil unless headers are made of it.
fn done(offered: &Offered, request: &Value, response: Value) -> Reply {
    let http = offered.http();
    let status = StatusCode::from_u16(http.success_status()).unwrap_or(StatusCode::OK);
    let headers = http.success_headers().iter();
    let headers: Vec<(&str, String)> = headers
        .filter_map(|(name, pattern)| Some((*name, filled(pattern, request, &response)?)))
        .collect();
    let mut reply = Reply::json(status, &offered.result(response, Shape::TEXT));
    for (name, value) in headers {
        reply = reply.with_text_header(name, &value);
    }
    reply
}

/// Fills a pattern with the fields of the response, or of the request: `/items/{id}`. `None` if one of them has no value.
fn filled(pattern: &str, request: &Value, response: &Value) -> Option<String> {
    let mut filled = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        let value = response.get(name).or_else(|| request.get(name));
        filled.push_str(&escaped(&text_of(value?)?));
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

fn failed(plan: &RoutePlan, sent: &Value, errors: &[WireError]) -> Reply {
    let declared = plan.offered.descriptor.declared_errors();
    let is_declared = |error: &WireError| {
        let mut declared = declared.iter();
        declared.any(|one| one.code() == error.code && one.status().is_some())
    };
    // An error without a field is about the whole body.
    let is_refusal = |error: &WireError| status::is_about_a_field(error) && !is_declared(error);
    if errors.iter().all(is_refusal) && !errors.is_empty() {
        return refusal::of_fields(plan, sent, errors);
    }
    let first = errors.first();
    let message = first.map_or("Internal server error", |error| &*error.message);
    let status = status::of_all(errors, declared);
    status::with_headers(Reply::detail(status, message), errors, declared)
}
