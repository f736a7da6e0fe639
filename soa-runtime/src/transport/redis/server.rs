//! Requests over Redis.
//!
//! A task for each master pops requests, together as many as the run loop has asked for (see [`turns`](super::turns)),
//! and keeps them until the run loop takes them: so the run loop may stop waiting at any time and no request is lost.
//! Closing the transport unblocks the pops that wait; what they bring all the same is still delivered, and then the run
//! loop ends. Requests that are left when the transport goes away without being closed are put back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::backend::{Limit, Link, PopError, PushError};
use super::connection::RedisConnection;
use super::line::Line;
use super::outbox::{Message, Outbox, Receipt};
use super::ring::Ring;
use super::script::Script;
use super::settings::{RESPONSE_SIZE, RedisSettings, bounded};
use super::turns::{Turn, Turns};
use super::{PREFIX, request_key};
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::lifetime::Signal;
use crate::log_limit::LogLimit;
use crate::message::Name;
use crate::observe::meter::SendMeters;
use crate::observe::names;
use crate::transport::{MessageLimits, Reply, ServerTransport};
use crate::wire;

/// At most so many requests in one pop.
const COUNT: usize = 32;

/// When a pop brought fewer requests than this, their jobs run before the next pop: what can be answered at once
/// is, and nothing waits that would be popped meanwhile.
const FEW: usize = 8;

/// After a request of this size the next pop takes one only.
const LARGE: usize = 64 * 1024;

/// At most so many responses wait to be pushed; further ones hold up the jobs that they end.
const PENDING: u32 = 4096;

/// Above so many reply lists, or twice as many as are in use, those are forgotten that nothing waits for.
const OUTBOXES: usize = 1024;

/// At most one in this time is told of the responses that are lost.
const SELDOM: Duration = Duration::from_secs(10);

/// How long to wait before a pop is unblocked once more.
const AGAIN: Duration = Duration::from_millis(10);

/// How long a link is waited for at a time.
const REST: Duration = Duration::from_millis(250);

/// Takes the requests of one service from Redis. Clones share everything.
///
/// It connects when it is first used, or at once with [`connect`](Self::connect); it needs a tokio runtime with
/// time and I/O, the same one as long as it lives.
#[derive(Clone)]
pub struct RedisServerTransport {
    handle: Arc<Handle>,
}

/// What the clones share. The task does not, so it notices that the last one is gone.
struct Handle {
    connection: RedisConnection,
    shared: Arc<Shared>,
}

struct Shared {
    service: Name,
    key: Arc<str>,
    settings: RedisSettings,
    limits: MessageLimits,
    meters: SendMeters,
    state: Mutex<State>,
    /// The run loop wants more, or the transport is closed.
    wanted: Notify,
    /// There are requests, or the tasks have ended.
    filled: Notify,
    /// The first pop is on its way to a master.
    popping: Signal,
    outboxes: Mutex<Outboxes>,
    pending: Arc<Semaphore>,
    losses: Arc<Losses>,
}

/// What waits for each reply list.
struct Outboxes {
    lists: FxHashMap<String, Arc<Outbox<ReplyReceipt>>>,
    /// With so many it is looked which of them are not needed any more.
    bound: usize,
}

/// Tells of responses that were lost: seldom, as a caller's list that takes nothing, or a master that is away, loses many.
struct Losses {
    service: Name,
    seldom: LogLimit,
}

impl Losses {
    fn count(&self, error: &TransportError) {
        if let Some(kept_back) = self.seldom.count() {
            tracing::error!(service = %self.service, %error, kept_back, "a response was lost");
        }
    }
}

#[derive(Default)]
struct State {
    buffer: VecDeque<Bytes>,
    /// How many requests the run loop has room for.
    wanted: usize,
    /// How the room is shared among the masters, once they are known.
    turns: Option<Turns>,
    phase: Phase,
    /// How many tasks there still are.
    tasks: usize,
    is_closed: bool,
    /// Whether nobody is left who could take requests.
    is_abandoned: bool,
}

/// Where the tasks are in their life.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    NotStarted,
    Running,
    Ended,
}

impl RedisServerTransport {
    /// The requests of a service, with a connection of its own.
    ///
    /// # Errors
    /// The settings cannot work; see [`RedisSettings::check`].
    pub fn new(service: impl Into<Name>, settings: RedisSettings) -> Result<Self, BuildError> {
        Ok(Self::on(&RedisConnection::new(settings)?, service))
    }

    /// The requests of a service, connected. It waits for as long as `connect_timeout`.
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

    /// The requests of a service, on a connection that it shares with others. The pops have one of their own.
    pub fn on(connection: &RedisConnection, service: impl Into<Name>) -> Self {
        let service = service.into();
        let settings = connection.settings().clone();
        let maximum = settings.maximum_message_size.unwrap_or(RESPONSE_SIZE);
        let losses = Losses {
            service: service.clone(),
            seldom: LogLimit::every(SELDOM),
        };
        let shared = Shared {
            key: request_key(&service).into(),
            losses: Arc::new(losses),
            meters: SendMeters::responses(&service),
            service,
            limits: MessageLimits::new(maximum, settings.log_messages_larger_than)
                .chunked(settings.chunk_messages_larger_than),
            settings,
            state: Mutex::default(),
            wanted: Notify::new(),
            filled: Notify::new(),
            popping: Signal::default(),
            outboxes: Mutex::new(Outboxes {
                lists: FxHashMap::default(),
                bound: OUTBOXES,
            }),
            pending: Arc::new(Semaphore::new(PENDING as usize)),
        };
        Self {
            handle: Arc::new(Handle {
                connection: connection.clone(),
                shared: Arc::new(shared),
            }),
        }
    }
}

impl Handle {
    async fn start(&self) -> Result<(), TransportError> {
        {
            let state = self.shared.state();
            if state.phase != Phase::NotStarted || state.is_closed {
                return Ok(());
            }
        }
        let ring = loop {
            match self.connection.ring().await {
                Ok(ring) => break ring,
                // The log has it already.
                Err(error) if error.kind() == TransportErrorKind::Transient => {
                    tokio::time::sleep(self.connection.pause()).await;
                }
                Err(error) => return Err(error),
            }
        };
        let lines = ring.pop_lines(&self.shared.service);
        let commands = ring.request_lines(&self.shared.service);
        {
            let mut state = self.shared.state();
            if state.phase != Phase::NotStarted || state.is_closed {
                return Ok(());
            }
            state.phase = Phase::Running;
            state.tasks = lines.len();
            state.turns = Some(Turns::new(lines.len()));
        }
        for (index, (line, commands)) in lines.into_iter().zip(commands).enumerate() {
            let popper = Popper {
                shared: Arc::clone(&self.shared),
                index,
                key: Bytes::copy_from_slice(self.shared.key.as_bytes()),
                line,
                commands,
            };
            ring.runtime().spawn(popper.run());
        }
        Ok(())
    }

    /// Wakes everything up that has to notice the end.
    fn stop(&self) {
        self.shared.wanted.notify_waiters();
        self.shared.filled.notify_waiters();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_closed = true;
        state.is_abandoned = true;
        let left: Vec<Bytes> = match state.phase {
            Phase::Ended => state.buffer.drain(..).rev().collect(),
            _ => Vec::new(), // The last task gives back what there is.
        };
        drop(state);
        self.stop();
        if left.is_empty() {
            return;
        }
        // There were tasks, so there is a ring. This may be a thread without a runtime.
        if let Some(ring) = self.connection.known_ring() {
            let shared = Arc::clone(&self.shared);
            let lines = ring.request_lines(&shared.service);
            let runtime = ring.runtime().clone();
            runtime.spawn(async move { shared.give_back(&lines, left).await });
        }
    }
}

/// Pops from one master.
struct Popper {
    shared: Arc<Shared>,
    index: usize,
    key: Bytes,
    /// For pops.
    line: Line,
    /// For all else.
    commands: Arc<Line>,
}

impl Popper {
    async fn run(self) {
        let shared = &self.shared;
        let mut limit = Limit::new();
        let mut most = COUNT;
        while !shared.state().is_closed {
            let link = match self.line.link() {
                Some(link) => link,
                None => match self.line.ready(Instant::now() + REST, None).await {
                    Ok(link) => link,
                    Err(_) => {
                        shared.set_up(self.index, false);
                        shared.rest(self.line.pause()).await;
                        continue;
                    }
                },
            };
            shared.set_up(self.index, true);
            let Some(turn) = shared.turn(self.index, most).await else {
                break;
            };
            if !shared.popping.is_set() {
                shared.popping.set();
            }
            let popped = self.pop(&mut limit, &link, turn).await;
            let has_failed = popped.is_err();
            let frames = popped.unwrap_or_default();
            let is_large = frames.iter().any(|frame| frame.len() > LARGE);
            most = if is_large { 1 } else { COUNT };
            let has_few = frames.len() < FEW;
            let is_filled = shared.took(self.index, frames);
            if is_filled {
                shared.filled.notify_waiters();
                if has_few {
                    tokio::task::yield_now().await;
                }
            } else {
                // It may be another one's turn now.
                shared.wanted.notify_waiters();
            }
            if has_failed {
                // The log has it already.
                shared.rest(self.line.pause()).await;
            }
        }
        let left = shared.end();
        shared.filled.notify_waiters();
        if left.is_empty() {
            return;
        }
        let lines = [Arc::clone(&self.commands)];
        shared.give_back(&lines, left).await;
    }

    /// Pops to the end, whatever happens; unblocks itself when the transport is closed meanwhile.
    async fn pop(
        &self,
        limit: &mut Limit,
        link: &Link,
        turn: Turn,
    ) -> Result<Vec<Bytes>, PopError> {
        let keys = [self.key.clone()];
        let pop = link.pop(limit, &keys, turn.count, turn.block);
        tokio::pin!(pop);
        let popped = loop {
            tokio::select! {
                biased;
                popped = &mut pop => break popped?,
                () = self.shared.closed() => {}
            }
            // Unblocking that comes before its pop does nothing, so it may take more than one.
            let unblock = async {
                if let Ok(commands) = self.commands.ready(Instant::now() + REST, None).await {
                    commands.unblock(link).await;
                }
                tokio::time::sleep(AGAIN).await;
            };
            tokio::select! {
                biased;
                popped = &mut pop => break popped?,
                () = unblock => {}
            }
        };
        Ok(popped.map(|popped| popped.frames).unwrap_or_default())
    }
}

impl Shared {
    /// One task less; for the last one, the requests that nobody is left to take, the last one first.
    fn end(&self) -> Vec<Bytes> {
        let mut state = self.state();
        state.tasks = state.tasks.saturating_sub(1);
        if state.tasks > 0 {
            return Vec::new();
        }
        state.phase = Phase::Ended;
        match state.is_abandoned {
            true => state.buffer.drain(..).rev().collect(),
            false => Vec::new(),
        }
    }

    fn set_up(&self, index: usize, is_up: bool) {
        if let Some(turns) = &mut self.state().turns {
            turns.set_up(index, is_up);
        }
    }

    /// Waits until a master may be popped from; `None` once the transport is closed.
    async fn turn(&self, index: usize, most: usize) -> Option<Turn> {
        loop {
            let wanted = self.wanted.notified();
            tokio::pin!(wanted);
            wanted.as_mut().enable();
            {
                let mut state = self.state();
                if state.is_closed {
                    return None;
                }
                let room = state.wanted.saturating_sub(state.buffer.len());
                let block = self.settings.block_time();
                if let Some(turns) = &mut state.turns
                    && let Some(mut turn) = turns.begin(index, room, block)
                {
                    turn.count = turn.count.min(most);
                    return Some(turn);
                }
            }
            wanted.await;
        }
    }

    /// Keeps what a pop has brought; whether there was something.
    fn took(&self, index: usize, frames: Vec<Bytes>) -> bool {
        let has_some = !frames.is_empty();
        let mut state = self.state();
        if let Some(turns) = &mut state.turns {
            turns.end(index, frames.len());
        }
        if has_some {
            state.wanted = 0;
        }
        state.buffer.extend(frames);
        has_some
    }

    /// Waits after a failure, unless the transport is closed.
    async fn rest(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.closed() => {}
        }
    }

    async fn closed(&self) {
        loop {
            let wanted = self.wanted.notified();
            tokio::pin!(wanted);
            wanted.as_mut().enable();
            if self.state().is_closed {
                return;
            }
            wanted.await;
        }
    }

    /// Puts requests back that nobody is left to answer, the last one first: to the first master that can be reached.
    async fn give_back(&self, lines: &[Arc<Line>], frames: Vec<Bytes>) {
        let count = frames.len();
        let service = &self.service;
        let lifetime = bounded(self.settings.message_expiry);
        let lifetime = Bytes::from(lifetime.as_millis().to_string());
        let arguments: Vec<Bytes> = std::iter::once(lifetime).chain(frames).collect();
        let script = Script::give_back();
        let mut limit = Limit::new();
        // One that refuses, as the login has lost a right, may take it in another way the next time.
        for line in lines.iter().chain(lines) {
            let deadline = Instant::now() + bounded(self.settings.command_timeout);
            let Ok(link) = line.ready(deadline, None).await else {
                continue;
            };
            let given = link.run(&mut limit, &script, &self.key, arguments.clone());
            match given.await {
                Ok(_) => return tracing::info!(%service, count, "put requests back"),
                // They may be there.
                Err(PushError::Unknown(_)) => break,
                Err(_) => {}
            }
        }
        tracing::error!(%service, count, "lost requests");
    }

    fn outbox(
        &self,
        connection: &RedisConnection,
        ring: &Ring,
        reply_to: String,
    ) -> Arc<Outbox<ReplyReceipt>> {
        let outboxes = self.outboxes.lock();
        // Nothing panics while this is held.
        let mut outboxes = outboxes.unwrap_or_else(PoisonError::into_inner);
        if let Some(outbox) = outboxes.lists.get(&reply_to) {
            return Arc::clone(outbox);
        }
        if outboxes.lists.len() >= outboxes.bound {
            outboxes.lists.retain(|_, outbox| !outbox.is_idle());
            // When most are needed, looking at all of them for each new one would be much work for little.
            outboxes.bound = OUTBOXES.max(outboxes.lists.len() * 2);
        }
        let key = format!("{PREFIX}{reply_to}");
        let outbox = Arc::new(Outbox::new(
            ring.reply_line(&key),
            Arc::clone(connection.pushes()),
            key,
            &self.settings,
            None, // The job is done: its answer is worth waiting for.
            self.meters.clone(),
        ));
        outboxes.lists.insert(reply_to, Arc::clone(&outbox));
        outbox
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerTransport for RedisServerTransport {
    fn close(&self) {
        self.handle.shared.state().is_closed = true;
        self.handle.stop();
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Bytes>, TransportError> {
        let shared = &self.handle.shared;
        tokio::select! {
            biased;
            started = self.handle.start() => started?,
            // Who the masters are may take long to find out.
            () = shared.closed() => {}
        }
        let _wanting = Wanting(shared);
        loop {
            // Registered before looking, so that a change in between is not missed.
            let filled = shared.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            {
                let mut state = shared.state();
                let count = limit.min(state.buffer.len());
                if count > 0 {
                    return Ok(state.buffer.drain(..count).collect());
                }
                if state.is_closed && state.phase != Phase::Running {
                    let message = "the Redis transport was closed";
                    return Err(TransportError::new(TransportErrorKind::Closed, message));
                }
                state.wanted = limit;
            }
            shared.wanted.notify_waiters();
            filled.await;
        }
    }

    async fn ready(&self) {
        self.handle.shared.popping.wait().await;
    }

    async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
        let Handle { connection, shared } = &*self.handle;
        let ring = connection.ring().await?;
        let outbox = shared.outbox(connection, ring, reply.reply_to);
        // Callers that do not read, and lists that cannot be reached, must not hold up the answers to all others: half
        // of the room is for those that get through, and what nobody has tried yet; the last of it is for those that
        // are known to get through.
        let room = shared.pending.available_permits();
        let total = PENDING as usize;
        let is_refused = room < total / 2 && outbox.is_stuck()
            || room < total / 2 && !outbox.is_proven() && outbox.has_waiting()
            || room < total / 8 && !outbox.is_proven();
        if outbox.is_clogged() {
            let message = "nobody reads the caller's reply list";
            return Err(TransportError::new(TransportErrorKind::QueueFull, message));
        }
        if is_refused {
            let message = "too many answers wait for lists that take none";
            return Err(TransportError::new(TransportErrorKind::QueueFull, message));
        }
        let Ok(permit) = Arc::clone(&shared.pending).acquire_owned().await else {
            return Ok(()); // The semaphore is never closed.
        };
        let lifetime = bounded(shared.settings.message_expiry);
        let (frame, more) = match shared.limits.chunked {
            Some(size) => wire::cut(reply.frame, size),
            None => (reply.frame, Vec::new()),
        };
        let since = Instant::now();
        outbox.send(Message {
            frame,
            more,
            lifetime,
            since,
            deadline: since + reply.left.map_or(lifetime, |left| left.min(lifetime)),
            receipt: ReplyReceipt {
                losses: Arc::clone(&shared.losses),
                _pending: permit,
            },
        });
        Ok(())
    }

    async fn flush(&self) {
        // Every permit back means every response sent or given up.
        let _ = self.handle.shared.pending.acquire_many(PENDING).await;
    }

    fn limits(&self) -> MessageLimits {
        self.handle.shared.limits
    }
}

/// Somebody waits for requests. Whoever stops waiting wants none any more: they are for other workers then.
struct Wanting<'a>(&'a Shared);

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.0.state().wanted = 0;
    }
}

/// A response that waits to be pushed.
struct ReplyReceipt {
    losses: Arc<Losses>,
    _pending: OwnedSemaphorePermit,
}

impl Receipt for ReplyReceipt {
    fn is_wanted(&self) -> bool {
        true
    }

    fn done(self, outcome: Result<(), TransportError>) {
        if let Err(error) = outcome {
            names::RESPONSE_LOST
                .counter([&self.losses.service])
                .increment(1);
            self.losses.count(&error);
        }
    }
}

impl fmt::Debug for RedisServerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServerTransport")
            .field("service", &self.handle.shared.service)
            .field("settings", &self.handle.shared.settings)
            .finish_non_exhaustive()
    }
}
