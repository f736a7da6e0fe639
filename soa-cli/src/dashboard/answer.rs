//! Answers of the API: JSON, and refusals that say what is wrong and what to do.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use soa_program::settings::listed;

use crate::failure::{Failure, Reason};

/// A request that is not answered as it was meant.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// A stable name for programs.
    code: &'static str,
    message: String,
    advice: Vec<String>,
    /// Keys beside `error`.
    more: Vec<(&'static str, Json)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            advice: Vec::new(),
            more: Vec::new(),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(super) fn too_many(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY", message)
            .advise("try again in a second")
    }

    pub(super) fn redis_away(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "REDIS_AWAY", message)
    }

    pub(super) fn timed_out(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "TIMED_OUT", message)
    }

    /// A service that cannot be asked.
    pub(super) fn of_service(failure: Failure) -> Self {
        let (_, message, advice) = failure.into_parts();
        Self {
            advice,
            ..Self::new(StatusCode::BAD_GATEWAY, "SERVICE", message)
        }
    }

    /// Adds what to do.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// Adds a key beside `error`.
    pub(super) fn with(mut self, key: &'static str, value: Json) -> Self {
        self.more.push((key, value));
        self
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let (reason, message, advice) = failure.into_parts();
        let refusal = match reason {
            Reason::Connection => Self::redis_away(message),
            Reason::Usage => Self::bad(message),
            Reason::Unanswered => Self::timed_out(message),
            _ => Self::new(StatusCode::BAD_GATEWAY, "SERVICE", message),
        };
        Self { advice, ..refusal }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let more = self.more.into_iter();
        let mut told: Map<_, _> = more.map(|(key, value)| (key.to_owned(), value)).collect();
        let error = json!({ "code": self.code, "message": self.message, "advice": self.advice });
        told.insert("error".to_owned(), error);
        let mut response = json_response(self.status, Json::Object(told).to_string().into());
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// An answer of JSON that nobody keeps.
pub(super) fn json_response(status: StatusCode, text: Bytes) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Writes a value as JSON.
pub(super) fn written(value: &impl Serialize) -> Result<Bytes, Refusal> {
    let text = serde_json::to_vec(value).map_err(|error| {
        let message = format!("the answer cannot be written as JSON: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    })?;
    Ok(text.into())
}

/// Answers with a value.
pub(super) fn ok(value: &impl Serialize) -> Result<Response, Refusal> {
    Ok(json_response(StatusCode::OK, written(value)?))
}

/// Refuses the keys of an object that are not among these.
pub(super) fn only_keys<'a>(
    found: impl Iterator<Item = &'a str>,
    known: &[&str],
) -> Result<(), Refusal> {
    let mut unknown = found.filter(|key| !known.contains(key));
    match unknown.next() {
        None => Ok(()),
        Some(key) => Err(Refusal::bad(format!(
            "there is no key `{key}`; expected {}",
            listed(known.iter().copied(), "or")
        ))),
    }
}
