//! The status of an error.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderName, StatusCode};
use soa_runtime::ErrorDescriptor;
use soa_wire::declared::{CHALLENGE_HEADER, bearer_challenge};
use soa_wire::{WireError, code};

use crate::reply::Reply;

/// Returns the status of an error: its own, the declared one, or the one that its code and its fault suggest.
pub(crate) fn of(error: &WireError, declared: &[ErrorDescriptor]) -> StatusCode {
    let own = error.http().and_then(|http| http.status);
    let of_declared = || {
        let declared = declared.iter().find(|one| one.code() == error.code)?;
        declared.status()
    };
    let status = own.or_else(of_declared).map(StatusCode::from_u16);
    match status {
        Some(Ok(status)) => status,
        _ => by_code(error),
    }
}

fn by_code(error: &WireError) -> StatusCode {
    match &*error.code {
        code::ACCESS_DENIED => StatusCode::UNAUTHORIZED,
        code::NOT_AUTHORIZED => StatusCode::FORBIDDEN,
        code::NOT_FOUND => StatusCode::NOT_FOUND,
        code::OVERLOADED => StatusCode::SERVICE_UNAVAILABLE,
        code::ACTION_TIMEOUT | code::JOB_TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        code::REQUEST_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        code::UNKNOWN if error.field.as_deref() == Some("action") => StatusCode::NOT_FOUND,
        _ if is_about_a_field(error) => StatusCode::UNPROCESSABLE_ENTITY,
        _ if error.is_caller_error => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// True for an error of validation: the caller's, about a field of the request.
pub(crate) fn is_about_a_field(error: &WireError) -> bool {
    error.is_caller_error
        && matches!(&*error.code, code::INVALID | code::MISSING | code::UNKNOWN)
        && error.http().is_none()
}

/// Adds the headers of errors: their own, and the declared ones.
pub(crate) fn with_headers(
    mut reply: Reply,
    errors: &[WireError],
    declared: &[ErrorDescriptor],
) -> Reply {
    for error in errors {
        let declared = declared.iter().filter(|one| one.code() == error.code);
        for (name, value) in declared.flat_map(|one| one.headers()) {
            reply = reply.with_text_header(name, value);
        }
    }
    let reply = reply.with_headers_of(errors);
    let is_challenge = |name: &HeaderName| *name == WWW_AUTHENTICATE;
    let refused = errors
        .iter()
        .find(|error| error.code == code::ACCESS_DENIED);
    match refused {
        // The standard wants one with each 401, and middleware of a service's own may have none.
        Some(refused)
            if reply.status == StatusCode::UNAUTHORIZED
                && !reply.headers.iter().any(|(name, _)| is_challenge(name)) =>
        {
            reply.with_text_header(CHALLENGE_HEADER, &bearer_challenge(&refused.message))
        }
        _ => reply,
    }
}

/// Returns the status of an answer with several errors: that of the first.
pub(crate) fn of_all(errors: &[WireError], declared: &[ErrorDescriptor]) -> StatusCode {
    errors
        .first()
        .map_or(StatusCode::INTERNAL_SERVER_ERROR, |first| {
            of(first, declared)
        })
}
