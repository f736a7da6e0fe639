//! A queue of frames in memory, as a transport for the run loop of a server.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::server::{Reply, ServerTransport};
use crate::error::{TransportError, TransportErrorKind};

/// A request queue and its reply lists, in memory. Clones are the same queue.
///
/// For tests and tools that speak the protocol in bytes; typed calls in one process are better off with
/// [`LocalTransport`](crate::server::LocalTransport).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::transport::{LocalQueue, ServerTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let queue = LocalQueue::new();
/// # use soa::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, wire};
/// # let status = ActionRequest::new("status", Body::empty(Encoding::MessagePack));
/// # let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![status]);
/// # let frame = wire::write_request(wire::ProtocolVersion::V3, Encoding::MessagePack, 1, "service.tools.1!", std::time::Duration::from_secs(5), &job)?;
/// queue.push(frame);
/// queue.close();
/// server.run(queue.clone()).await?;
/// assert_eq!(queue.replies("service.tools.1!"), 1);
/// let response = queue.reply("service.tools.1!").await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct LocalQueue {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    requests: VecDeque<Bytes>,
    replies: HashMap<String, VecDeque<Bytes>>,
    is_closed: bool,
}

impl LocalQueue {
    /// Creates an empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a request frame into the queue.
    pub fn push(&self, frame: impl Into<Bytes>) {
        self.state().requests.push_back(frame.into());
        self.queue.changed.notify_waiters();
    }

    /// Waits for the next frame on a reply list, however long.
    pub async fn reply(&self, reply_to: &str) -> Bytes {
        self.wait(|state| {
            let list = state.replies.get_mut(reply_to)?;
            let frame = list.pop_front();
            if list.is_empty() {
                state.replies.remove(reply_to);
            }
            frame
        })
        .await
    }

    /// Returns the number of frames that wait on a reply list.
    pub fn replies(&self, reply_to: &str) -> usize {
        self.state().replies.get(reply_to).map_or(0, VecDeque::len)
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.queue
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to take.
    async fn wait<T>(&self, mut take: impl FnMut(&mut QueueState) -> Option<T>) -> T {
        loop {
            // Registered before looking, so that a change in between is not missed.
            let changed = self.queue.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(taken) = take(&mut self.state()) {
                return taken;
            }
            changed.await;
        }
    }
}

impl ServerTransport for LocalQueue {
    /// Ends the run loop of the server once the queue of requests is empty: nobody else would serve them.
    fn close(&self) {
        self.state().is_closed = true;
        self.queue.changed.notify_waiters();
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Bytes>, TransportError> {
        self.wait(|state| {
            let count = limit.min(state.requests.len());
            if count > 0 {
                return Some(Ok(state.requests.drain(..count).collect()));
            }
            let message = "the local queue was closed";
            let closed = || TransportError::new(TransportErrorKind::Closed, message);
            state.is_closed.then(|| Err(closed()))
        })
        .await
    }

    async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
        let mut state = self.state();
        state
            .replies
            .entry(reply.reply_to)
            .or_default()
            .push_back(reply.frame);
        drop(state);
        self.queue.changed.notify_waiters();
        Ok(())
    }
}
