//! Server-sent events: the fleet after each look, for as long as somebody listens.
//!
//! All listeners get the same text, which is written once. One that reads slowly gets the newest state next, and misses those
//! between: nothing is kept for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answer::Refusal;
use super::picture::Picture;
use super::shared::Dashboard;

/// Largest number of listeners.
pub(super) const MAX_LISTENERS: usize = 32;

/// Time after which something is sent, so that the connection is not taken for a dead one.
const SIGN_INTERVAL: Duration = Duration::from_secs(15);

/// Somebody who listens.
struct Listener {
    pictures: watch::Receiver<Arc<Picture>>,
    is_stopping: watch::Receiver<bool>,
    /// True until the first state was sent.
    is_new: bool,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// Waits for the next text to send. `None` ends the events.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::take(&mut self.is_new) {
            tokio::select! {
                changed = self.pictures.changed() => changed.ok()?,
                _ = self.is_stopping.wait_for(|is_stopping| *is_stopping) => return None,
                () = tokio::time::sleep(SIGN_INTERVAL) => {
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
        let picture = Arc::clone(&self.pictures.borrow_and_update());
        let fleet = picture.fleet().ok()?;
        // JSON has no line breaks outside of texts, and inside of them they are escaped.
        let event = [b"event: fleet\ndata: ", &fleet[..], b"\n\n"].concat();
        Some(event.into())
    }
}

/// Answers with the events from now on.
pub(super) fn listen(dashboard: &Dashboard) -> Result<Response, Refusal> {
    let place = Arc::clone(&dashboard.listeners).try_acquire_owned();
    let place = place.map_err(|_| {
        Refusal::too_many(format!("{MAX_LISTENERS} pages listen already"))
            .advise("close some, or ask for `/api/fleet` now and then")
    })?;
    let listener = Listener {
        pictures: dashboard.pictures.subscribe(),
        is_stopping: dashboard.is_stopping.subscribe(),
        is_new: true,
        _place: place,
    };
    let texts = futures_util::stream::unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok::<_, Infallible>(text), listener))
    });
    let mut response = Response::new(Body::from_stream(texts));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
