//! The body and the content type of a request.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::reply::Reply;

/// Reads a whole body.
///
/// # Errors
/// It is larger than the limit, which is found before it is read if its length was announced; or it ended early.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Reply> {
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |size| size > limit)) {
        return Err(too_large(limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(error) => {
            let is_late = error.to_string().contains(TOO_SLOW);
            let status = match is_late {
                true => StatusCode::REQUEST_TIMEOUT,
                false => StatusCode::BAD_REQUEST,
            };
            Err(Reply::detail(
                status,
                &format!("The body cannot be read: {error}"),
            ))
        }
    }
}

/// The text of the error of a body that did not come in time.
pub(crate) const TOO_SLOW: &str = "the body did not come in time";

fn too_large(limit: usize) -> Reply {
    let message = format!("The body is larger than {limit} bytes");
    Reply::detail(StatusCode::PAYLOAD_TOO_LARGE, &message)
}

/// Returns the media type of a request, in lower case and without parameters. Empty if there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    media.trim().to_ascii_lowercase()
}
