//! Answers: a status, a content type and bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use hyper::body::Frame;
use hyper::ext::ReasonPhrase;
use soa_wire::codec::json;
use soa_wire::{Value, WireError};

pub(crate) const JSON: &str = "application/json";
pub(crate) const MSGPACK: &str = "application/msgpack";
pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// Returns the answer in place of one that cannot be encoded. Why is in the log.
pub(crate) fn unencodable(error: impl std::fmt::Display) -> Reply {
    tracing::error!(%error, "a response cannot be encoded");
    let message = "The response cannot be encoded: the details are in the log of the service";
    Reply::detail(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// An answer before it is one of HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The text beside the status.
    reason: Option<ReasonPhrase>,
}

/// A body that is none, and so has no length.
struct NoContent;

impl HttpBody for NoContent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

/// The greatest length of the text beside a status. It is a line of the head, and clients limit those.
const MAX_REASON: usize = 1024;

impl Reply {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            headers: Vec::new(),
            reason: None,
        }
    }

    pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self::new(status, TEXT, text.into())
    }

    /// Returns a value as JSON. What JSON does not have is left to the caller, who has shaped the value.
    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        let mut body = Vec::with_capacity(128);
        match json::encode_compact(value, &mut body) {
            Ok(()) => Self::new(status, JSON, body),
            Err(error) => unencodable(error),
        }
    }

    /// Returns an error in the form of REST: `{"detail": …}`.
    pub(crate) fn detail(status: StatusCode, message: &str) -> Self {
        let mut body = Vec::with_capacity(32 + message.len());
        let value = soa_wire::value!({ "detail": message });
        // A map of texts can always be written.
        let _ = json::encode_compact(&value, &mut body);
        Self::new(status, JSON, body)
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the text beside the status. Other characters than printable ones of ASCII become `?`, and line breaks blanks.
    pub(crate) fn with_reason(mut self, text: &str) -> Self {
        let letters = text.chars().take(MAX_REASON).map(|letter| match letter {
            ' '..='~' => letter,
            letter if letter.is_whitespace() => ' ',
            _ => '?',
        });
        // It is valid now.
        self.reason = ReasonPhrase::try_from(letters.collect::<String>()).ok();
        self
    }

    pub(crate) fn with_optional_header(
        mut self,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(header);
        self
    }

    /// Adds the header of this name, unless the answer has one.
    pub(crate) fn with_default_header(
        self,
        name: &str,
        header: impl FnOnce() -> Option<(HeaderName, HeaderValue)>,
    ) -> Self {
        let mut names = self.headers.iter().map(|(known, _)| known);
        match names.any(|known| known == name) {
            true => self,
            false => self.with_optional_header(header()),
        }
    }

    /// Adds a header whose name and value were written by the service. One that cannot be sent is left out, and logged.
    pub(crate) fn with_text_header(mut self, name: &str, value: &str) -> Self {
        match (
            name.parse::<HeaderName>(),
            HeaderValue::from_str(value).or_else(|_| HeaderValue::from_bytes(value.as_bytes())),
        ) {
            (Ok(name), Ok(value)) => self.headers.push((name, value)),
            _ => tracing::warn!(header = name, "a header of a response cannot be sent"),
        }
        self
    }

    /// Adds the headers that errors have.
    pub(crate) fn with_headers_of(mut self, errors: &[WireError]) -> Self {
        for http in errors.iter().filter_map(WireError::http) {
            for (name, value) in &http.headers {
                self = self.with_text_header(name, value);
            }
        }
        self
    }

    /// Returns the answer to a request of this method: one for `HEAD` has the headers alone, and one with a status that says so
    /// has no body at all.
    pub(crate) fn into_response(self, method: &Method) -> Response<Body> {
        let has_body = !matches!(
            self.status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        ) && !self.status.is_informational();
        // The length of a body that is there follows from the body.
        let is_head = *method == Method::HEAD && has_body;
        let length = is_head.then(|| HeaderValue::from(self.body.len()));
        let body = match self.status {
            // The length of none is none, and not 0, which the router would tell.
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Body::new(NoContent),
            _ if has_body && !is_head => Body::from(self.body),
            _ => Body::empty(),
        };
        let mut response = Response::new(body);
        response.headers_mut().reserve(self.headers.len() + 2);
        *response.status_mut() = self.status;
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(reason);
        }
        let headers = response.headers_mut();
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            headers.extend(length.map(|length| (CONTENT_LENGTH, length)));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}
