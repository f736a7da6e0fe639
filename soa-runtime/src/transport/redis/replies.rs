//! Responses of a server, on their way to the reply lists of its callers.
//!
//! Each reply list has an outbox. The number of responses that wait is bounded, and callers that do not read, or lists that
//! cannot be reached, have a part of it only: they must not hold up the answers to all others. A response that is lost is
//! counted, and logged once in a while.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::connection::RedisConnection;
use super::message::{Message, Receipt};
use super::meter::SendMeters;
use super::naming::PREFIX;
use super::outbox::Outbox;
use super::ring::Ring;
use super::settings::{RESPONSE_SIZE, RedisSettings, bounded};
use crate::error::{TransportError, TransportErrorKind};
use crate::log_limit::LogLimit;
use crate::message::Name;
use crate::observe::names;
use crate::transport::{MessageLimits, Reply};
use crate::wire;

/// Largest number of responses that wait to be pushed; further ones hold up the jobs that they end.
const MAX_PENDING: u32 = 4096;

/// Number of reply lists above which idle ones are forgotten, unless twice as many as are in use is more.
const MIN_OUTBOXES_BOUND: usize = 1024;

/// Time between two log lines about responses that are lost.
const LOSS_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The responses of a service.
pub(super) struct Replies {
    lifetime: Duration,
    limits: MessageLimits,
    meters: SendMeters,
    outboxes: Mutex<Outboxes>,
    pending: Arc<Semaphore>,
    losses: Arc<Losses>,
}

/// The outboxes of reply lists.
struct Outboxes {
    /// The ring that the outboxes push to.
    ring: Weak<Ring>,
    lists: FxHashMap<String, Arc<Outbox<ReplyReceipt>>>,
    /// Number of outboxes at which idle ones are removed.
    bound: usize,
}

impl Replies {
    pub(super) fn new(service: &Name, settings: &RedisSettings) -> Self {
        let maximum = settings.maximum_message_size.unwrap_or(RESPONSE_SIZE);
        Self {
            lifetime: bounded(settings.message_expiry),
            limits: MessageLimits::new(maximum, settings.log_messages_larger_than)
                .chunked(settings.chunk_messages_larger_than),
            meters: SendMeters::responses(service),
            outboxes: Mutex::new(Outboxes {
                ring: Weak::new(),
                lists: FxHashMap::default(),
                bound: MIN_OUTBOXES_BOUND,
            }),
            pending: Arc::new(Semaphore::new(MAX_PENDING as usize)),
            losses: Arc::new(Losses {
                service: service.clone(),
                log: LogLimit::every(LOSS_LOG_INTERVAL),
            }),
        }
    }

    /// Limits of the size of responses.
    pub(super) fn limits(&self) -> MessageLimits {
        self.limits
    }

    /// Accepts a response to be sent.
    pub(super) async fn send(
        &self,
        connection: &RedisConnection,
        reply: Reply,
    ) -> Result<(), TransportError> {
        let ring = connection.ring().await?;
        let outbox = self.outbox(connection, &ring, reply.reply_to);
        let refused = |message: &str| {
            let error = TransportError::new(TransportErrorKind::QueueFull, message.to_owned());
            Err(error)
        };
        if outbox.is_clogged() {
            return refused("queue full: the caller does not read its reply list");
        }
        if self.is_refused(&outbox) {
            return refused("queue full: too many responses wait for reply lists that take none");
        }
        let Ok(permit) = Arc::clone(&self.pending).acquire_owned().await else {
            return Ok(()); // The semaphore is never closed.
        };
        let (frame, more) = match self.limits.chunked {
            Some(size) => wire::cut(reply.frame, size),
            None => (reply.frame, Vec::new()),
        };
        let since = Instant::now();
        let lifetime = self.lifetime;
        outbox.send(Message {
            frame,
            more,
            lifetime,
            since,
            deadline: since + reply.left.map_or(lifetime, |left| left.min(lifetime)),
            receipt: ReplyReceipt {
                losses: Arc::clone(&self.losses),
                _pending: permit,
            },
        });
        Ok(())
    }

    /// Waits until all responses are sent or given up.
    pub(super) async fn flush(&self) {
        // Then every permit is back.
        let _ = self.pending.acquire_many(MAX_PENDING).await;
    }

    /// True if there is no room for a response to this list. Half of the room is for lists that take responses, and those
    /// that are new; the last of it is for those that have taken one before.
    fn is_refused(&self, outbox: &Outbox<ReplyReceipt>) -> bool {
        let room = self.pending.available_permits();
        let total = MAX_PENDING as usize;
        room < total / 2 && outbox.is_stuck()
            || room < total / 2 && !outbox.is_proven() && outbox.has_waiting()
            || room < total / 8 && !outbox.is_proven()
    }

    /// The outbox of a reply list.
    fn outbox(
        &self,
        connection: &RedisConnection,
        ring: &Arc<Ring>,
        reply_to: String,
    ) -> Arc<Outbox<ReplyReceipt>> {
        let outboxes = self.outboxes.lock();
        // Nothing panics while this is held.
        let mut outboxes = outboxes.unwrap_or_else(PoisonError::into_inner);
        if !std::ptr::eq(outboxes.ring.as_ptr(), Arc::as_ptr(ring)) {
            // The tasks of the others have ended with the runtime of another ring.
            outboxes.lists.clear();
            outboxes.ring = Arc::downgrade(ring);
        }
        if let Some(outbox) = outboxes.lists.get(&reply_to) {
            return Arc::clone(outbox);
        }
        if outboxes.lists.len() >= outboxes.bound {
            outboxes.lists.retain(|_, outbox| !outbox.is_idle());
            // When most are needed, looking at all of them for each new one would be much work for little.
            outboxes.bound = MIN_OUTBOXES_BOUND.max(outboxes.lists.len() * 2);
        }
        let key = format!("{PREFIX}{reply_to}");
        let outbox = Arc::new(Outbox::new(
            ring.master(key.as_bytes()),
            Arc::clone(connection.pushes()),
            key,
            connection.settings(),
            None, // The job is done: its response is worth waiting for.
            self.meters.clone(),
        ));
        outboxes.lists.insert(reply_to, Arc::clone(&outbox));
        outbox
    }
}

/// Counter of lost responses. It logs few of them: a list that takes nothing, or a master that is away, loses many.
struct Losses {
    service: Name,
    log: LogLimit,
}

/// The receipt of a response.
struct ReplyReceipt {
    losses: Arc<Losses>,
    _pending: OwnedSemaphorePermit,
}

impl Receipt for ReplyReceipt {
    fn is_wanted(&self) -> bool {
        true
    }

    fn done(self, outcome: Result<(), TransportError>) {
        let Err(error) = outcome else {
            return;
        };
        let service = &self.losses.service;
        names::RESPONSE_LOST.counter([service]).increment(1);
        if let Some(kept_back) = self.losses.log.count() {
            tracing::error!(%service, %error, kept_back, "a response was lost");
        }
    }
}
