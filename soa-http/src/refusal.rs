//! Requests that are refused before a job is made of them, each in the form of its door.

use std::borrow::Cow;

use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use soa_wire::{WireError, code};

use crate::encoding::Encoding;
use crate::reply::{JSON, Reply};

/// The greatest number of characters of a caller's text that are repeated.
const MAX_REPEATED: usize = 80;

/// The form of the refusals of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{"detail": …}`
    Detail,
    /// Text, as clients of Aspyx know it.
    Text,
    /// `{"errors": […]}`
    Errors(Encoding),
}

/// A request that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    /// The header that is wrong.
    field: Option<&'static str>,
    /// The methods of the path, if the one of the request is none of them.
    allow: Option<HeaderValue>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
            allow: None,
        }
    }

    fn invalid(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, code::INVALID, message)
    }

    fn about(mut self, header: &'static str) -> Self {
        self.field = Some(header);
        self
    }

    /// There is no place for the request.
    pub(crate) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::OVERLOADED,
            "Too many requests run here",
        )
    }

    /// A header of the framework's own is malformed.
    pub(crate) fn malformed(header: &'static str, problem: &str) -> Self {
        let message = format!("The header {header} is malformed: {problem}");
        Self::invalid(StatusCode::BAD_REQUEST, message).about(header)
    }

    /// A part of the target of the request is not text.
    pub(crate) fn not_utf8(part: &str) -> Self {
        let message = format!("A part of the {part} is not UTF-8");
        Self::invalid(StatusCode::BAD_REQUEST, message)
    }

    /// The path does not have the method.
    pub(crate) fn method(message: &'static str, allow: Option<HeaderValue>) -> Self {
        Self {
            allow,
            ..Self::invalid(StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }

    /// The body is larger than the limit.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            code::REQUEST_TOO_LARGE,
            message,
        )
    }

    /// The body did not come in time.
    pub(crate) fn too_slow() -> Self {
        let message = "The body did not come in time";
        Self::invalid(StatusCode::REQUEST_TIMEOUT, message)
    }

    /// The body ended early, or its chunks are malformed.
    pub(crate) fn broken_body() -> Self {
        let message = "The body ended early, or is malformed";
        Self::invalid(StatusCode::BAD_REQUEST, message)
    }

    /// The door does not read bodies of this type.
    pub(crate) fn unsupported(media: &str) -> Self {
        let mut shown: String = media.chars().take(MAX_REPEATED).collect();
        if shown.len() < media.len() {
            shown.push('…');
        }
        let message = format!("The content type `{shown}` is not supported here; send {JSON}");
        Self::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).about("content-type")
    }

    /// A door panicked.
    pub(crate) fn panicked() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code::SERVER_ERROR,
            "Internal Server Error",
        )
    }

    fn into_error(self) -> WireError {
        let mut error = WireError::caller(self.code, self.message);
        error.field = self.field.map(str::to_owned);
        error.is_caller_error = self.status.is_client_error();
        error
    }

    /// Returns the answer.
    pub(crate) fn reply(mut self, form: Form) -> Reply {
        let (status, allow) = (self.status, self.allow.take());
        let reply = match form {
            Form::Detail => Reply::detail(status, &self.message),
            Form::Text => Reply::text(status, self.message),
            Form::Errors(encoding) => encoding.errors(status, &[self.into_error()]),
        };
        let reply = reply.with_optional_header(allow.map(|allow| (ALLOW, allow)));
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                reply.with_header(RETRY_AFTER, HeaderValue::from_static("1"))
            }
            _ => reply,
        }
    }
}
