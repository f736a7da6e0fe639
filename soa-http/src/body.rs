//! The body and the content type of a request.

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::SemaphorePermit;

use crate::doors::Doors;
use crate::refusal::Refusal;
use crate::reply::{JSON, MSGPACK, PROTOBUF};

/// The size up to which a body needs no room of the [doors](Doors::make_room).
const SMALL_BODY: usize = 16 << 10;

/// Reads a whole body.
///
/// # Errors
/// It is larger than the limit, which is found before it is read if its length was announced; it ended early, or did not come
/// in time; or too many large bodies are being received.
pub(crate) async fn read(headers: &HeaderMap, body: Body, doors: &Doors) -> Result<Bytes, Refusal> {
    let limit = doors.settings().max_body;
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |size| size > limit)) {
        return Err(Refusal::too_large(limit));
    }
    let mut body = Limited::new(body, limit);
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    let mut room: Option<SemaphorePermit<'_>> = None;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if error.is::<LengthLimitError>() => return Err(Refusal::too_large(limit)),
            Err(error) => return Err(broken(&*error)),
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let size = first.len() + rest.len() + data.len();
        let taken = room.as_ref().map_or(0, SemaphorePermit::num_permits);
        if size > SMALL_BODY && size > taken {
            let more = doors.make_room(size - taken).ok_or_else(Refusal::busy)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
        }
        // Most bodies are one piece, which need not be copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(match rest.is_empty() {
        true => first,
        false => rest.into(),
    })
}

fn broken(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Refusal {
    match is_too_slow(error) {
        true => Refusal::too_slow(),
        false => {
            tracing::debug!(error, "a body cannot be read");
            Refusal::broken_body()
        }
    }
}

/// The error of a body that did not come in time, which the listener knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body did not come in time")
    }
}

impl std::error::Error for TooSlow {}

/// True if the body did not come in time: the listener, which knows, tells by the error.
fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| cause.is::<TooSlow>())
}

/// Returns the media type of a request, in lower case and without parameters. Empty if there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> Cow<'_, str> {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let value = value.unwrap_or_default();
    // Most requests have one of these.
    let known = [JSON, MSGPACK, PROTOBUF];
    if let Some(known) = known.into_iter().find(|known| known.as_bytes() == value) {
        return known.into();
    }
    let media = value.split(|byte| *byte == b';').next().unwrap_or_default();
    // One that is not text is of no type that is known.
    let media = String::from_utf8_lossy(media.trim_ascii());
    media.to_ascii_lowercase().into()
}
