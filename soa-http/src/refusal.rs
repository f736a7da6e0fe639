//! Requests that are refused before a job is made of them, each in the form of its door.

use std::borrow::Cow;

use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
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
    error: WireError,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    fn caller(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            error: WireError::caller(code, message),
            header: None,
        }
    }

    fn invalid(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::caller(status, code::INVALID, message)
    }

    fn about(mut self, field: &str) -> Self {
        self.error = self.error.with_field(field);
        self
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// There is no place for the request.
    pub(crate) fn busy() -> Self {
        let refusal = Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: WireError::server(code::OVERLOADED, "Too many requests run here"),
            header: None,
        };
        refusal.with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// A header of the framework's own is malformed.
    pub(crate) fn malformed(header: &str, problem: &str) -> Self {
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
        let refusal = Self::invalid(StatusCode::METHOD_NOT_ALLOWED, message);
        match allow {
            Some(allow) => refusal.with_header(ALLOW, allow),
            None => refusal,
        }
    }

    /// The body is larger than the limit.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes");
        Self::caller(
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
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: WireError::server(code::SERVER_ERROR, "Internal Server Error"),
            header: None,
        }
    }

    /// Returns the answer.
    pub(crate) fn reply(self, form: Form) -> Reply {
        let reply = match form {
            Form::Detail => Reply::detail(self.status, &self.error.message),
            Form::Text => Reply::text(self.status, self.error.message),
            Form::Errors(encoding) => encoding.errors(self.status, &[self.error]),
        };
        reply.with_optional_header(self.header)
    }
}
