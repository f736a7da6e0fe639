//! The future of a job's response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::route::Route;
use crate::BoxFuture;
use crate::error::ClientError;
use crate::exchange::{has_failed, is_past};
use crate::message::JobResponse;
use crate::transport::ReplyFuture;

/// The response of a job that was handed to its transport, or to the middleware before it.
pub(super) enum JobReply {
    /// The usual case, which needs no further box.
    Plain {
        reply: ReplyFuture,
        route: Arc<Route>,
    },
    Boxed(BoxFuture<Result<JobResponse, ClientError>>),
}

impl JobReply {
    /// Limits the time that all of it may take: the transport, and the middleware before and after it.
    pub(super) fn within(self, limit: Duration, route: Arc<Route>) -> Self {
        Self::Boxed(Box::pin(async move {
            let end = Instant::now().checked_add(limit);
            match tokio::time::timeout(limit, self).await {
                // The service knows the timeout of this caller, and gives up at the same moment.
                Ok(Ok(response)) if has_failed(&response) && is_past(end) => {
                    Err(ClientError::timeout(&route.service, limit, None))
                }
                Ok(response) => response,
                Err(_) => {
                    let transport = route.transport.as_ref();
                    let trouble = transport.and_then(|transport| transport.trouble(limit));
                    Err(ClientError::timeout(&route.service, limit, trouble))
                }
            }
        }))
    }
}

impl Future for JobReply {
    type Output = Result<JobResponse, ClientError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Plain { reply, route } => Pin::new(reply)
                .poll(cx)
                .map_err(|error| ClientError::transport(&route.service, error)),
            Self::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}
