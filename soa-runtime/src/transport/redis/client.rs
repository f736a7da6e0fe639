//! Calls over Redis.
//!
//! A call becomes a frame with an id of its own, waits among the calls of its reply list, and goes into the
//! outbox of the service. It ends with the answer that has its id, or when the push failed; an answer whose
//! caller is gone is counted and dropped.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::connection::RedisConnection;
use super::lists::{Counts, ReplyList, ReplyLists};
use super::outbox::{Message, Outbox, Receipt};
use super::request_key;
use super::settings::{RedisSettings, bounded};
use super::take_back::TakeBack;
use crate::codec::Encoding;
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::exchange::{ClientRequest, Sent};
use crate::message::{JobResponse, Name};
use crate::observe::meter::SendMeters;
use crate::observe::names;
use crate::transport::{ClientTransport, Fit, MessageLimits, ReplyFuture};
use crate::wire::{self, ProtocolVersion};

/// How large a request may be, where the settings do not say.
const MAXIMUM_SIZE: usize = 102_400;

/// How much longer than a call's timeout its request's list lives.
const GRACE: Duration = Duration::from_secs(10);

/// A caller that gives up so shortly before its deadline has waited until then.
const SLACK: Duration = Duration::from_millis(20);

/// Carries calls to one service over Redis. Clones share everything.
///
/// It connects when it is first used, or at once with [`connect`](Self::connect); it needs a tokio runtime with
/// time and I/O, the same one as long as it lives.
#[derive(Clone)]
pub struct RedisClientTransport {
    shared: Arc<Shared>,
}

struct Shared {
    connection: RedisConnection,
    service: Name,
    /// What its reply lists' names begin with, and a number that they end in.
    begin: String,
    number: u64,
    next_id: AtomicI64,
    limits: MessageLimits,
    counts: Arc<Counts>,
    take_back: Arc<TakeBack>,
    ready: OnceLock<Ready>,
}

/// What there is once the transport was used.
struct Ready {
    lists: ReplyLists,
    /// One for each master that takes requests.
    outboxes: Vec<Arc<Outbox<CallReceipt>>>,
    next: AtomicUsize,
}

impl RedisClientTransport {
    /// A transport to a service, with a connection of its own.
    ///
    /// # Errors
    /// The settings cannot work; see [`RedisSettings::check`].
    pub fn new(service: impl Into<Name>, settings: RedisSettings) -> Result<Self, BuildError> {
        Ok(Self::on(&RedisConnection::new(settings)?, service))
    }

    /// A transport to a service, connected. It waits for as long as `connect_timeout`.
    ///
    /// # Errors
    /// The settings cannot work, or Redis cannot be reached or refuses the login.
    pub async fn connect(
        service: impl Into<Name>,
        settings: RedisSettings,
    ) -> Result<Self, TransportError> {
        let connection = RedisConnection::connect(settings).await?;
        Ok(Self::on(&connection, service))
    }

    /// A transport to a service, on a connection that it shares with others.
    pub fn on(connection: &RedisConnection, service: impl Into<Name>) -> Self {
        let service = service.into();
        let id = Uuid::new_v4();
        let [.., a, b, c, d, e, f] = Uuid::new_v4().into_bytes();
        let settings = connection.settings();
        let maximum = settings.maximum_message_size.unwrap_or(MAXIMUM_SIZE);
        Self {
            shared: Arc::new(Shared {
                connection: connection.clone(),
                begin: format!("service.{service}.{}!", id.simple()),
                number: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
                next_id: AtomicI64::new(i64::from(id.as_fields().0 % 1_000_000)),
                limits: MessageLimits::new(maximum, settings.log_messages_larger_than),
                counts: Arc::new(Counts::new(settings.expects_chunked_replies)),
                take_back: Arc::new(TakeBack::new(request_key(&service))),
                ready: OnceLock::new(),
                service,
            }),
        }
    }

    /// How many answers were dropped, as nobody waited for them or nobody could read them.
    pub fn unexpected_answers(&self) -> u64 {
        self.shared.counts.unknown()
    }

    /// How many requests were taken out of the queue again, as their calls had timed out before a server took them.
    pub fn requests_taken_back(&self) -> u64 {
        self.shared.take_back.count()
    }
}

impl Shared {
    async fn call(self: Arc<Self>, request: ClientRequest) -> Result<JobResponse, TransportError> {
        let settings = self.connection.settings();
        let wait = bounded(request.timeout.unwrap_or(settings.receive_timeout));
        let since = Instant::now();
        let deadline = since + wait;
        let (worth, lifetime) = match request.timeout {
            Some(_) => (wait, wait + GRACE),
            None => (
                bounded(settings.message_expiry),
                bounded(settings.message_expiry),
            ),
        };
        let ready = match self.ready.get() {
            Some(ready) => ready,
            None => self.prepare().await?,
        };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut waiting = Waiting {
            shared: &self,
            ready,
            list: ready.lists.list(since),
            id,
            deadline,
            sent: None,
            is_answered: false,
        };
        let frame = wire::write_request(
            ProtocolVersion::V3,
            Encoding::MessagePack,
            id,
            waiting.list.reply_to(),
            worth,
            &request.job,
        )
        .map_err(|error| {
            let message = "the request cannot be encoded";
            TransportError::new(TransportErrorKind::InvalidMessage, message).with_source(error)
        })?;
        self.check_size(&frame)?;
        let is_suppressed = request.job.control.suppress_response == Some(true);
        let (waiter, answer) = oneshot::channel();
        waiting.list.wait(id, waiter);
        let reader = &waiting.list.reader;
        let _expectation = (!is_suppressed).then(|| reader.expect());
        let outbox = ready.outbox();
        waiting.sent = Some((outbox, frame.clone()));
        outbox.send(Message {
            frame,
            more: Vec::new(),
            lifetime,
            since,
            deadline,
            receipt: CallReceipt {
                list: Arc::clone(&waiting.list),
                id,
                sent: request.sent,
                is_suppressed,
            },
        });
        let answer = answer.await.unwrap_or_else(|_| {
            let message = "the runtime of the Redis transport ended";
            Err(TransportError::new(TransportErrorKind::Closed, message))
        });
        waiting.is_answered = answer.is_ok();
        answer
    }

    /// Finds out which masters there are, the first time.
    async fn prepare(&self) -> Result<&Ready, TransportError> {
        let ring = self.connection.ring().await?;
        let make = || {
            let (connection, begin) = (&self.connection, self.begin.clone());
            let outbox = |line| {
                Arc::new(Outbox::new(
                    line,
                    Arc::clone(connection.pushes()),
                    request_key(&self.service),
                    connection.settings(),
                    connection.retries(),
                    SendMeters::requests(&self.service),
                ))
            };
            let lines = ring.request_lines(&self.service);
            // Every client begins with another one, as the reference's do.
            let first = usize::try_from(self.number).unwrap_or(0);
            Ready {
                lists: ReplyLists::new(
                    Arc::clone(ring),
                    begin,
                    self.number,
                    Arc::clone(&self.counts),
                ),
                outboxes: lines.into_iter().map(outbox).collect(),
                next: AtomicUsize::new(first),
            }
        };
        Ok(self.ready.get_or_init(make))
    }

    fn check_size(&self, frame: &[u8]) -> Result<(), TransportError> {
        let size = match self.limits.fit(frame) {
            Fit::Small => return Ok(()),
            Fit::Large(size) => {
                tracing::warn!(service = %self.service, size, "the request is large");
                return Ok(());
            }
            Fit::TooLarge(size) => size,
        };
        names::CLIENT_TOO_LARGE
            .counter([&self.service])
            .increment(1);
        let maximum = self.limits.maximum.unwrap_or_default();
        let message = format!(
            "Message exceeds maximum message size: it has {size} bytes, and {maximum} are allowed"
        );
        Err(TransportError::new(
            TransportErrorKind::MessageTooLarge,
            message,
        ))
    }
}

impl Ready {
    /// What was wrong with the way there or the way back.
    fn trouble(&self, within: Duration) -> Option<String> {
        let mut outboxes = self.outboxes.iter();
        let back = self.lists.trouble(within);
        back.or_else(|| outboxes.find_map(|outbox| outbox.line().trouble(within)))
    }

    /// The master whose turn it is, unless it cannot be reached just now and another can.
    fn outbox(&self) -> &Arc<Outbox<CallReceipt>> {
        let count = self.outboxes.len();
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % count;
        let (later, first) = self.outboxes.split_at(turn);
        let mut turns = first.iter().chain(later);
        let is_up = |outbox: &&Arc<Outbox<_>>| outbox.line().is_hopeful();
        match (turns.clone().next(), count) {
            (Some(only), 1) => only,
            (Some(next), _) => turns.find(is_up).unwrap_or(next),
            (None, _) => unreachable!("a ring without a master"),
        }
    }
}

impl ClientTransport for RedisClientTransport {
    fn default_timeout(&self) -> Option<Duration> {
        Some(self.shared.connection.settings().receive_timeout)
    }

    fn trouble(&self, within: Duration) -> Option<TransportError> {
        let shared = &self.shared;
        let why = match shared.ready.get() {
            None => shared.connection.trouble(within),
            Some(ready) => ready.trouble(within),
        };
        why.map(|why| TransportError::new(TransportErrorKind::Transient, why))
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        ReplyFuture::new(Arc::clone(&self.shared).call(request))
    }
}

/// A call that waits for its answer. When it ends, nobody waits for the answer any more, and when it timed out, the
/// request is taken back.
struct Waiting<'a> {
    shared: &'a Shared,
    ready: &'a Ready,
    list: Arc<ReplyList>,
    id: i64,
    deadline: Instant,
    sent: Option<(&'a Arc<Outbox<CallReceipt>>, Bytes)>,
    is_answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let is_given_up = self.list.take(self.id).is_some();
        self.ready.lists.done(&self.list, self.is_answered);
        if let Some((outbox, frame)) = self.sent.take()
            && is_given_up
            && Instant::now() + SLACK >= self.deadline
        {
            names::CLIENT_TIMEOUT
                .counter([&self.shared.service])
                .increment(1);
            self.shared.take_back.add(outbox.line(), frame);
        }
    }
}

/// Who wants to know whether a request was sent.
#[derive(Debug)]
struct CallReceipt {
    list: Arc<ReplyList>,
    id: i64,
    sent: Sent,
    is_suppressed: bool,
}

impl Receipt for CallReceipt {
    fn is_wanted(&self) -> bool {
        self.list.has(self.id)
    }

    fn done(self, outcome: Result<(), TransportError>) {
        let response = match outcome {
            Ok(()) => {
                self.sent.mark();
                if !self.is_suppressed {
                    return;
                }
                Ok(JobResponse::default())
            }
            Err(error) => Err(error),
        };
        if let Some(waiter) = self.list.take(self.id) {
            // The caller may have given up just now.
            let _ = waiter.send(response);
        }
    }
}

impl fmt::Debug for RedisClientTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClientTransport")
            .field("service", &self.shared.service)
            .field("settings", self.shared.connection.settings())
            .finish_non_exhaustive()
    }
}
