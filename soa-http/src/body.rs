//! The body and the content type of a request.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::listener::TooSlow;
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
            let status = match is_too_slow(&*error) {
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

/// True if the body did not come in time: the listener, which knows, tells by the error.
fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| cause.is::<TooSlow>())
}

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
