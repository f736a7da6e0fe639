//! Responses of a server, on their way to the reply lists of its callers.
//!
//! Each reply list has an outbox. The number of responses that wait is bounded, and callers that do not read, or lists that
//! cannot be reached, have a part of it only: they must not hold up the answers to all others. A response that is lost is
//! counted, and told once in a while.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustc_hash::FxHashMap;
use soa_runtime::internal::Losses;
use soa_runtime::transport::{Hold, MessageLimits, Reply};
use soa_runtime::{Name, TransportError, TransportErrorKind};
use soa_wire::wire;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::connection::RedisConnection;
use super::hold::{Place, RedisSlot};
use super::message::{Message, Receipt};
use super::meter::SendMeters;
use super::naming::PREFIX;
use super::outbox::Outbox;
use super::ring::Ring;
use super::settings::{RESPONSE_SIZE, RedisSettings, bounded};

/// Largest number of responses that wait to be pushed; further ones hold up the jobs that they end.
const MAX_PENDING: u32 = 4096;

/// Number of reply lists above which idle ones are forgotten, unless twice as many as are in use is more.
const MIN_OUTBOXES_BOUND: usize = 1024;

/// Time without a full list after which none is looked for, in milliseconds. Every response to a full list begins it anew.
const FULL_TIME: u64 = 60_000;

/// The responses of a service.
pub(super) struct Replies {
    lifetime: Duration,
    limits: MessageLimits,
    meters: SendMeters,
    outboxes: Mutex<Outboxes>,
    pending: Arc<Semaphore>,
    /// Time at which a reply list was last seen full, in milliseconds from `begun`; 0 if that is long ago.
    full_seen: AtomicU64,
    begun: Instant,
    losses: Losses,
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
            full_seen: AtomicU64::new(0),
            begun: Instant::now(),
            losses: Losses::new(service),
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
        let place = reply.hold.and_then(place_of);
        let mut unsent = Unsent(place);
        let ring = connection.ring().await?;
        let outbox = self.outbox(connection, &ring, reply.reply_to);
        let refused = |message: &str| {
            let error = TransportError::new(TransportErrorKind::QueueFull, message.to_owned());
            Err(error)
        };
        if outbox.is_full() {
            self.full_seen.store(self.millis(), Ordering::Relaxed);
        }
        if outbox.is_clogged() && !reply.is_refusal {
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
                losses: self.losses.clone(),
                _pending: permit,
                place: unsent.0.take(),
            },
        });
        Ok(())
    }

    /// False if the list of these responses is full.
    pub(super) fn takes(&self, reply_to: &str) -> bool {
        let seen = self.full_seen.load(Ordering::Relaxed);
        if seen == 0 {
            return true;
        }
        if self.millis().saturating_sub(seen) > FULL_TIME {
            self.full_seen.store(0, Ordering::Relaxed);
            return true;
        }
        let outboxes = self.outboxes.lock();
        // Nothing panics while this is held.
        let outboxes = outboxes.unwrap_or_else(PoisonError::into_inner);
        let outbox = outboxes.lists.get(reply_to);
        outbox.is_none_or(|outbox| !outbox.is_full())
    }

    fn millis(&self) -> u64 {
        let millis = self.begun.elapsed().as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX).max(1)
    }

    /// Waits until all responses are sent or given up.
    pub(super) async fn flush(&self) {
        // Also if nobody waits any more.
        let _told = TellLosses(&self.losses);
        // Then every permit is back.
        let _ = self.pending.acquire_many(MAX_PENDING).await;
    }

    /// Number of responses that were lost, or are not sent yet.
    pub(super) fn lost(&self) -> u64 {
        let sent = self.pending.available_permits();
        let unsent = (MAX_PENDING as usize).saturating_sub(sent);
        self.losses.total() + u64::try_from(unsent).unwrap_or(u64::MAX)
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

/// Logs the losses that are not logged yet when it is dropped.
struct TellLosses<'a>(&'a Losses);

impl Drop for TellLosses<'_> {
    fn drop(&mut self) {
        self.0.tell();
    }
}

/// The place of a request, if it is held here.
fn place_of(hold: Hold) -> Option<Place> {
    let (slot, place) = hold.into_place()?;
    let slot: Arc<dyn Any + Send + Sync> = slot;
    let slot = slot.downcast::<RedisSlot>().ok()?;
    Some(Place { slot, place })
}

/// The place of a request whose response is not accepted yet. If it never is, the job is over all the same.
struct Unsent(Option<Place>);

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some(place) = &self.0 {
            place.finish();
        }
    }
}

/// The receipt of a response.
struct ReplyReceipt {
    losses: Losses,
    _pending: OwnedSemaphorePermit,
    /// The place of the request, until the hold on it has ended.
    place: Option<Place>,
}

impl Receipt for ReplyReceipt {
    fn is_wanted(&self) -> bool {
        true
    }

    fn done(self, outcome: Result<(), TransportError>) {
        if let Some(place) = &self.place {
            place.finish();
        }
        if let Err(error) = outcome {
            self.losses.count(&error);
        }
    }

    fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    fn acknowledged(&mut self) {
        if let Some(place) = self.place.take() {
            place.answered();
        }
    }

    fn fenced(self) {
        if let Some(place) = &self.place {
            place.slot.life.base.fenced.increment(1);
        }
    }
}
