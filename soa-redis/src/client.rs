//! Calls over Redis.
//!
//! A call becomes a frame with an id of its own, waits among the calls of its reply list, and goes into the
//! outbox of the service. It ends with the answer that has its id, or when the push failed; an answer whose
//! caller is gone is counted and dropped.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::client::{ClientRequest, Sent};
use soa_runtime::internal::Fit;
use soa_runtime::observe::names;
use soa_runtime::transport::{ClientTransport, MessageLimits, ReplyFuture};
use soa_runtime::{BuildError, Encoding, JobResponse, Name, TransportError, TransportErrorKind};
use soa_wire::period::Period;
use soa_wire::wire::{self, ProtocolVersion};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::age::KnownAge;
use super::connection::RedisConnection;
use super::master::MasterConnection;
use super::message::{Message, Receipt, elsewhere, is_for_another};
use super::meter::SendMeters;
use super::naming::request_key;
use super::outbox::Outbox;
use super::patrol::Dependent;
use super::reader::Reader;
use super::reply_list::{Answer, ReplyList, ReplyStatistics};
use super::reply_lists::{OpenList, ReplyLists};
use super::ring::Ring;
use super::settings::{RedisSettings, bounded};
use super::take_back::TakeBack;

/// Largest request by default.
const REQUEST_SIZE: usize = 102_400;

/// Time beyond a call's timeout that the list of its request lives.
const REQUEST_LIST_GRACE: Duration = Duration::from_secs(10);

/// Time before its deadline within which a call that is given up counts as timed out.
const TIMEOUT_SLACK: Duration = Duration::from_millis(20);

/// Carries calls to one service over Redis. Clones share everything.
///
/// It connects when it is first used, or at once with [`connect`](Self::connect), on the tokio runtime of that moment, which
/// needs time and I/O. When that runtime has ended, the next call connects again, on its own.
///
/// ```no_run
/// use soa::{Client, RedisClientTransport, RedisSettings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = RedisSettings::new("redis.internal", 6379);
/// let transport = RedisClientTransport::connect("users", settings).await?;
/// let client = Client::builder().service("users", transport).build()?;
/// let user = client.call_action("users", "me", &()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisClientTransport {
    shared: Arc<ClientShared>,
}

/// The state that all clones share.
struct ClientShared {
    connection: RedisConnection,
    service: Name,
    /// The begin of the names of its reply lists.
    begin: String,
    next_id: AtomicI64,
    limits: MessageLimits,
    statistics: Arc<ReplyStatistics>,
    take_back: Arc<TakeBack>,
    /// The age of the queue, and that above which calls fail; only if there is a maximum.
    age: Option<(KnownAge, Duration)>,
    /// The state after the first use of the transport, on the runtime of that moment.
    ready: Mutex<Option<Arc<Ready>>>,
}

/// The state after the first use of the transport. It ends with the runtime of its ring.
struct Ready {
    ring: Arc<Ring>,
    lists: ReplyLists,
    /// One for each master that takes requests.
    outboxes: Vec<Arc<Outbox<CallReceipt>>>,
    next: AtomicUsize,
}

impl RedisClientTransport {
    /// A transport to a service, with a connection of its own.
    ///
    /// ```
    /// use soa::{RedisClientTransport, RedisSettings};
    ///
    /// // Nothing is connected yet, so this works before Redis does.
    /// let transport = RedisClientTransport::new("users", RedisSettings::default())?;
    /// assert_eq!(transport.unexpected_answers(), 0);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
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
        let settings = connection.settings();
        let maximum = settings.maximum_message_size.unwrap_or(REQUEST_SIZE);
        let max_age = settings.max_queue_age.map(Period::get);
        Self {
            shared: Arc::new(ClientShared {
                connection: connection.clone(),
                begin: format!("service.{service}.{}!", id.simple()),
                next_id: AtomicI64::new(i64::from(id.as_fields().0 % 1_000_000)),
                limits: MessageLimits::new(maximum, settings.log_messages_larger_than),
                statistics: Arc::new(ReplyStatistics::new(settings.expects_chunked_replies)),
                take_back: Arc::new(TakeBack::new(&service)),
                age: max_age.map(|max| (KnownAge::new(connection, &service), max)),
                ready: Mutex::default(),
                service,
            }),
        }
    }

    /// Number of answers that were dropped, as no call waited for them or they could not be read.
    pub fn unexpected_answers(&self) -> u64 {
        self.shared.statistics.unexpected()
    }

    /// Number of requests that were removed from the queue, as their calls had timed out before a server took them.
    pub fn requests_taken_back(&self) -> u64 {
        self.shared.take_back.count()
    }
}

impl ClientShared {
    async fn call(self: Arc<Self>, request: ClientRequest) -> Result<JobResponse, TransportError> {
        if let Some((age, max)) = &self.age {
            age.check(*max)?;
        }
        let settings = self.connection.settings();
        let wait = bounded(request.timeout.unwrap_or(settings.receive_timeout));
        let since = Instant::now();
        loop {
            match self.attempt(&request, since, wait).await {
                // It was not sent. The time that it has is what is left of it.
                Err(error) if is_for_another(&error) && since.elapsed() < wait => {}
                outcome => return outcome,
            }
        }
    }

    async fn attempt(
        &self,
        request: &ClientRequest,
        since: Instant,
        wait: Duration,
    ) -> Result<JobResponse, TransportError> {
        let settings = self.connection.settings();
        let deadline = since + wait;
        let (worth, lifetime) = match request.timeout {
            Some(_) => (wait, wait + REQUEST_LIST_GRACE),
            None => (
                bounded(settings.message_expiry),
                bounded(settings.message_expiry),
            ),
        };
        let ready = match self.ready() {
            Some(ready) => ready,
            None => self.prepare().await?,
        };
        let ready = &*ready;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut waiting = Waiting {
            shared: self,
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
            waiting.list.list.reply_to(),
            worth,
            &request.job,
        )
        .map_err(|error| {
            let message = "encoding the request failed";
            TransportError::new(TransportErrorKind::InvalidMessage, message).with_source(error)
        })?;
        self.check_size(&frame)?;
        let is_suppressed = request.job.control.suppress_response == Some(true);
        let (waiter, answer) = oneshot::channel();
        waiting.list.list.add_waiter(id, waiter);
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
                list: Arc::clone(&waiting.list.list),
                id,
                sent: request.sent.clone(),
                is_suppressed,
            },
        });
        if ready.ring.has_ended() {
            // Whoever fails the calls that wait may not have seen this one.
            waiting.list.list.take_waiter(id);
            return Err(Ring::ended_error());
        }
        if waiting.list.list.is_abandoned() && waiting.list.list.take_waiter(id).is_some() {
            // Whoever went on without its master may not have seen this one.
            let message = "the master of the reply list does not answer: the request may have been run, or not";
            return Err(TransportError::new(TransportErrorKind::Transient, message));
        }
        let answer = answer.await;
        let answer = answer.unwrap_or_else(|_| Err(Ring::ended_error()));
        waiting.is_answered = answer.is_ok();
        answer.map(|answer| answer.job)
    }

    /// The state after the first use, unless its runtime has ended.
    fn ready(&self) -> Option<Arc<Ready>> {
        let ready = self.ready_slot();
        let ready = ready.as_ref().filter(|ready| !ready.ring.has_ended());
        ready.cloned()
    }

    /// Finds the masters, the first time on a runtime.
    async fn prepare(&self) -> Result<Arc<Ready>, TransportError> {
        let ring = self.connection.ring().await?;
        let mut slot = self.ready_slot();
        if let Some(ready) = slot.as_ref().filter(|ready| !ready.ring.has_ended()) {
            return Ok(Arc::clone(ready));
        }
        let ready = Arc::new(self.ready_on(ring));
        let dependent: Weak<Ready> = Arc::downgrade(&ready);
        ready.ring.add_dependent(dependent);
        let before = slot.replace(Arc::clone(&ready));
        drop(slot);
        // Its lists are closed without holding up other calls.
        drop(before);
        Ok(ready)
    }

    fn ready_on(&self, ring: Arc<Ring>) -> Ready {
        let connection = &self.connection;
        let outbox = |master| {
            Arc::new(Outbox::new(
                master,
                Arc::clone(connection.pushes()),
                request_key(&self.service),
                connection.settings(),
                connection.retries(),
                SendMeters::requests(&self.service),
            ))
        };
        let masters = ring.request_masters(&self.service);
        // The number of the first reply list. A list of an earlier runtime may still get answers.
        let [.., a, b, c, d, e, f] = Uuid::new_v4().into_bytes();
        let number = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        // Every client begins with another master, as the reference's do.
        let first = usize::try_from(number).unwrap_or(0);
        Ready {
            lists: ReplyLists::new(
                Arc::clone(&ring),
                self.begin.clone(),
                number,
                connection.settings().queue_capacity,
                Arc::clone(&self.statistics),
            ),
            outboxes: masters.into_iter().map(outbox).collect(),
            next: AtomicUsize::new(first),
            ring,
        }
    }

    fn ready_slot(&self) -> MutexGuard<'_, Option<Arc<Ready>>> {
        // Nothing panics while this is held.
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// The last failure to send or to receive within this time, or the one that still lasts.
    fn trouble(&self, within: Duration) -> Option<String> {
        let mut outboxes = self.outboxes.iter();
        let back = self.lists.trouble(within);
        back.or_else(|| outboxes.find_map(|outbox| outbox.master().trouble(within)))
    }

    /// The clock of a master, if that may be the reason for a timeout.
    fn clock_trouble(&self, timeout: Duration) -> Option<String> {
        let mut outboxes = self.outboxes.iter();
        outboxes.find_map(|outbox| outbox.master().clock_trouble(timeout))
    }

    /// The outbox whose turn it is, unless its master is down and that of another is not.
    fn outbox(&self) -> &Arc<Outbox<CallReceipt>> {
        let count = self.outboxes.len();
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % count;
        let (later, first) = self.outboxes.split_at(turn);
        let mut turns = first.iter().chain(later);
        let is_up = |outbox: &&Arc<Outbox<_>>| outbox.master().is_up();
        match (turns.clone().next(), count) {
            (Some(only), 1) => only,
            (Some(next), _) => turns.find(is_up).unwrap_or(next),
            (None, _) => unreachable!("a ring without a master"),
        }
    }
}

impl Dependent for Ready {
    fn go_on_without(&self, commands: &Arc<MasterConnection>, reader: &Arc<Reader>) {
        self.lists.abandon(reader);
        for outbox in &self.outboxes {
            let is_its = Arc::ptr_eq(outbox.master(), commands);
            let receipts = outbox.recall(|receipt| is_its || receipt.list.is_abandoned());
            for receipt in receipts {
                receipt.done(Err(elsewhere()));
            }
        }
    }
}

impl ClientTransport for RedisClientTransport {
    fn default_timeout(&self) -> Option<Duration> {
        Some(self.shared.connection.settings().receive_timeout)
    }

    fn trouble(&self, within: Duration) -> Option<TransportError> {
        let shared = &self.shared;
        let why = match shared.ready() {
            None => shared.connection.trouble(within),
            Some(ready) => {
                let trouble = ready.trouble(within);
                trouble.or_else(|| ready.clock_trouble(within))
            }
        };
        why.map(|why| TransportError::new(TransportErrorKind::Transient, why))
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        ReplyFuture::new(Arc::clone(&self.shared).call(request))
    }
}

/// A call that waits for its answer. When it times out or is dropped, its request is taken back.
struct Waiting<'a> {
    shared: &'a ClientShared,
    ready: &'a Ready,
    list: Arc<OpenList>,
    id: i64,
    deadline: Instant,
    sent: Option<(&'a Arc<Outbox<CallReceipt>>, Bytes)>,
    is_answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let is_given_up = self.list.list.take_waiter(self.id).is_some();
        self.ready.lists.release(&self.list, self.is_answered);
        if let Some((outbox, frame)) = self.sent.take()
            && is_given_up
        {
            if Instant::now() + TIMEOUT_SLACK >= self.deadline {
                names::CLIENT_TIMEOUT
                    .counter([&self.shared.service])
                    .increment(1);
            }
            self.shared.take_back.add(outbox.master(), frame);
        }
    }
}

/// The receipt of a request, which ends its call if it was not sent.
#[derive(Debug)]
struct CallReceipt {
    list: Arc<ReplyList>,
    id: i64,
    sent: Sent,
    is_suppressed: bool,
}

impl Receipt for CallReceipt {
    fn is_wanted(&self) -> bool {
        self.list.has_waiter(self.id)
    }

    fn done(self, outcome: Result<(), TransportError>) {
        let response = match outcome {
            Ok(()) => {
                self.sent.mark();
                if !self.is_suppressed {
                    return;
                }
                Ok(Answer::default())
            }
            Err(error) => Err(error),
        };
        if let Some(waiter) = self.list.take_waiter(self.id) {
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
