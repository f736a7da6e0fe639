//! The requests of a service that stands beside doors: of its queue, or none.
//!
//! The run loop of a server ends with its transport, and runs the teardown hooks. So a transport that is closed tells only
//! when the doors are closed, too.

use std::sync::Arc;
use std::time::Duration;

use soa_redis::RedisServerTransport;
use soa_runtime::TransportError;
use soa_runtime::transport::{
    Backlog, LocalQueue, MessageLimits, Promise, Received, RecordKeeper, Reply, ServerTransport,
};
use tokio::sync::watch;

/// The requests of a service, until its doors are closed.
pub(super) struct Requests {
    source: Source,
    /// True when the doors are closed.
    is_over: watch::Receiver<bool>,
}

/// The origin of requests.
pub(super) enum Source {
    Redis(RedisServerTransport),
    /// None but those of the doors.
    Doors(LocalQueue),
}

impl Requests {
    pub(super) fn new(source: Source, is_over: watch::Receiver<bool>) -> Self {
        Self { source, is_over }
    }
}

impl ServerTransport for Requests {
    async fn prepare(&self, promise: Promise) -> Result<(), TransportError> {
        match &self.source {
            Source::Redis(redis) => redis.prepare(promise).await,
            Source::Doors(none) => none.prepare(promise).await,
        }
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Received>, TransportError> {
        let received = match &self.source {
            Source::Redis(redis) => redis.receive(limit).await,
            Source::Doors(none) => none.receive(limit).await,
        };
        if let Err(error) = &received
            && error.kind() == soa_runtime::TransportErrorKind::Closed
        {
            // A sender that is gone has nothing to close.
            let _ = self.is_over.clone().wait_for(|is_over| *is_over).await;
        }
        received
    }

    async fn ready(&self) {
        match &self.source {
            Source::Redis(redis) => redis.ready().await,
            Source::Doors(none) => none.ready().await,
        }
    }

    fn close(&self) {
        match &self.source {
            Source::Redis(redis) => redis.close(),
            Source::Doors(none) => none.close(),
        }
    }

    async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
        match &self.source {
            Source::Redis(redis) => redis.respond(reply).await,
            Source::Doors(none) => none.respond(reply).await,
        }
    }

    async fn flush(&self) {
        match &self.source {
            Source::Redis(redis) => redis.flush().await,
            Source::Doors(none) => none.flush().await,
        }
    }

    fn lost(&self) -> u64 {
        match &self.source {
            Source::Redis(redis) => redis.lost(),
            Source::Doors(none) => none.lost(),
        }
    }

    fn limits(&self) -> MessageLimits {
        match &self.source {
            Source::Redis(redis) => redis.limits(),
            Source::Doors(none) => none.limits(),
        }
    }
    fn backlog(&self) -> Backlog {
        match &self.source {
            Source::Redis(redis) => redis.backlog(),
            Source::Doors(none) => none.backlog(),
        }
    }

    fn takes_responses(&self, reply_to: &str) -> bool {
        match &self.source {
            Source::Redis(redis) => redis.takes_responses(reply_to),
            Source::Doors(none) => none.takes_responses(reply_to),
        }
    }

    fn records(&self) -> Option<Arc<dyn RecordKeeper>> {
        match &self.source {
            Source::Redis(redis) => redis.records(),
            Source::Doors(none) => none.records(),
        }
    }

    fn note_age(&self, age: Duration) {
        match &self.source {
            Source::Redis(redis) => redis.note_age(age),
            Source::Doors(none) => none.note_age(age),
        }
    }
}
