//! Requests of a service, taken from Redis.
//!
//! A task for each master pops requests, together as many as the run loop has asked for (see [`turns`](super::turns)),
//! and keeps them until the run loop takes them: so the run loop may stop waiting at any time and no request is lost.
//! Closing the transport unblocks the pops that wait; requests that they still bring are delivered, and then the run loop
//! ends. Requests that are left when the transport goes away without being closed are put back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::backend::{Limit, Link, PopError, PushError};
use super::connection::RedisConnection;
use super::master::MasterConnection;
use super::naming::request_key;
use super::replies::Replies;
use super::ring::Ring;
use super::scripts;
use super::settings::{RedisSettings, bounded};
use super::turns::{Turn, Turns};
use crate::error::{BuildError, TransportError, TransportErrorKind};
use crate::lifetime::Signal;
use crate::message::Name;
use crate::transport::{MessageLimits, Reply, ServerTransport};

/// Largest number of requests in one pop.
const POP_COUNT: usize = 32;

/// Number of requests below which their jobs run before the next pop: those that can be answered at once are, and no further
/// request waits meanwhile.
const YIELD_BELOW: usize = 8;

/// Size of a request above which the next pop takes one only.
const LARGE_SIZE: usize = 64 * 1024;

/// Pause before a pop is unblocked once more.
const UNBLOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Time limit of waiting for a link, after which the state is looked at again.
const LINK_TIMEOUT: Duration = Duration::from_millis(250);

/// Takes the requests of one service from Redis. Clones share everything.
///
/// It connects when it is first used, or at once with [`connect`](Self::connect), on the tokio runtime of that moment, which
/// needs time and I/O. A server that runs on another one after that has ended connects again.
///
/// ```no_run
/// # use soa_runtime as soa;
/// use soa::{RedisServerTransport, RedisSettings, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let settings = RedisSettings::new("redis.internal", 6379);
/// let transport = RedisServerTransport::connect("tools", settings).await?;
/// server.run(transport).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisServerTransport {
    handle: Arc<Handle>,
}

/// The state that the clones share. The tasks do not, so they notice that the last clone is gone.
struct Handle {
    connection: RedisConnection,
    requests: Arc<Requests>,
    replies: Replies,
}

/// The requests of a service: the state that the clones and the tasks share.
struct Requests {
    service: Name,
    key: Arc<str>,
    settings: RedisSettings,
    state: Mutex<RequestsState>,
    /// Wakes the tasks: the run loop wants more, or the transport is closed.
    wanted: Notify,
    /// Wakes the run loop: there are requests, or the tasks have ended.
    filled: Notify,
    /// Set when the first pop is sent to a master.
    popping: Signal,
}

#[derive(Default)]
struct RequestsState {
    buffer: VecDeque<Bytes>,
    /// Number of requests that the run loop has room for.
    wanted: usize,
    /// Shares of the masters in the room, once they are known.
    turns: Option<Turns>,
    phase: Phase,
    /// Number of tasks that run.
    tasks: usize,
    is_closed: bool,
    /// True once the last clone is gone, so that no run loop can take requests.
    is_abandoned: bool,
}

/// The phase in the life of the tasks. They end when the transport is closed, or with their runtime.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    NotStarted,
    Running,
    Ended,
}

impl RedisServerTransport {
    /// A transport for a service, with a connection of its own.
    ///
    /// # Errors
    /// The settings cannot work; see [`RedisSettings::check`].
    pub fn new(service: impl Into<Name>, settings: RedisSettings) -> Result<Self, BuildError> {
        Ok(Self::on(&RedisConnection::new(settings)?, service))
    }

    /// A transport for a service, connected. It waits for as long as `connect_timeout`.
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

    /// A transport for a service, on a connection that it shares with others. The pops have one of their own.
    ///
    /// ```no_run
    /// # use soa_runtime as soa;
    /// use soa::{Client, RedisClientTransport, RedisConnection, RedisServerTransport, RedisSettings, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let redis = RedisConnection::connect(RedisSettings::default()).await?;
    /// let users = RedisClientTransport::on(&redis, "users");
    /// let client = Client::builder().service("users", users).build()?;
    /// let server = Server::untyped("posts", "1.0.0").client(client).build()?;
    /// server.run(RedisServerTransport::on(&redis, "posts")).await?;
    /// # Ok(()) }
    /// ```
    pub fn on(connection: &RedisConnection, service: impl Into<Name>) -> Self {
        let service = service.into();
        let settings = connection.settings().clone();
        let replies = Replies::new(&service, &settings);
        let requests = Requests {
            key: request_key(&service).into(),
            service,
            settings,
            state: Mutex::default(),
            wanted: Notify::new(),
            filled: Notify::new(),
            popping: Signal::default(),
        };
        Self {
            handle: Arc::new(Handle {
                connection: connection.clone(),
                requests: Arc::new(requests),
                replies,
            }),
        }
    }
}

impl Handle {
    async fn start(&self) -> Result<(), TransportError> {
        {
            let state = self.requests.state();
            if state.phase == Phase::Running || state.is_closed {
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
        let masters = ring.pop_masters(&self.requests.service);
        let commands = ring.request_masters(&self.requests.service);
        {
            let mut state = self.requests.state();
            if state.phase == Phase::Running || state.is_closed {
                return Ok(());
            }
            state.phase = Phase::Running;
            state.tasks = masters.len();
            state.turns = Some(Turns::new(masters.len()));
        }
        for (index, (pops, commands)) in masters.into_iter().zip(commands).enumerate() {
            let popper = Popper {
                requests: Arc::clone(&self.requests),
                index,
                key: Bytes::copy_from_slice(self.requests.key.as_bytes()),
                pops,
                commands,
            };
            ring.runtime().spawn(popper.run());
        }
        Ok(())
    }

    /// Wakes all that have to notice the end.
    fn stop(&self) {
        self.requests.wanted.notify_waiters();
        self.requests.filled.notify_waiters();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.requests.state();
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
            let requests = Arc::clone(&self.requests);
            let masters = ring.request_masters(&requests.service);
            let runtime = ring.runtime().clone();
            runtime.spawn(async move { requests.give_back(&masters, left).await });
        }
    }
}

/// The task that pops from one master.
struct Popper {
    requests: Arc<Requests>,
    index: usize,
    key: Bytes,
    /// The connection for pops.
    pops: MasterConnection,
    /// The connection for all other commands.
    commands: Arc<MasterConnection>,
}

/// The end of a popper's task. If its runtime ends before it does, the requests that it has taken are kept for the next
/// run loop.
struct TaskEnd<'a> {
    requests: &'a Requests,
    is_done: bool,
}

impl Drop for TaskEnd<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let lost = self.requests.end_task();
            self.requests.filled.notify_waiters();
            if !lost.is_empty() {
                let (service, count) = (&self.requests.service, lost.len());
                tracing::error!(%service, count, "lost requests");
            }
        }
    }
}

impl Popper {
    async fn run(self) {
        let requests = &self.requests;
        let mut end = TaskEnd {
            requests,
            is_done: false,
        };
        let mut limit = Limit::new();
        let mut most = POP_COUNT;
        while !requests.state().is_closed {
            let link = match self.pops.link() {
                Some(link) => link,
                None => match self.pops.ready(Instant::now() + LINK_TIMEOUT, None).await {
                    Ok(link) => link,
                    Err(_) => {
                        requests.set_up(self.index, false);
                        requests.pause(self.pops.pause()).await;
                        continue;
                    }
                },
            };
            requests.set_up(self.index, true);
            let Some(turn) = requests.turn(self.index, most).await else {
                break;
            };
            if !requests.popping.is_set() {
                requests.popping.set();
            }
            let popped = self.pop(&mut limit, &link, turn).await;
            let has_failed = popped.is_err();
            let frames = popped.unwrap_or_default();
            let is_large = frames.iter().any(|frame| frame.len() > LARGE_SIZE);
            most = if is_large { 1 } else { POP_COUNT };
            let has_few = frames.len() < YIELD_BELOW;
            let is_filled = requests.add(self.index, frames);
            if is_filled {
                requests.filled.notify_waiters();
                if has_few {
                    tokio::task::yield_now().await;
                }
            } else {
                // It may be the turn of another master now.
                requests.wanted.notify_waiters();
            }
            if has_failed {
                // The log has it already.
                requests.pause(self.pops.pause()).await;
            }
        }
        end.is_done = true;
        let left = requests.end_task();
        requests.filled.notify_waiters();
        if left.is_empty() {
            return;
        }
        let masters = [Arc::clone(&self.commands)];
        requests.give_back(&masters, left).await;
    }

    /// Pops to the end, whatever happens. When the transport is closed meanwhile, it unblocks the pop.
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
                () = self.requests.closed() => {}
            }
            // Unblocking that comes before its pop does nothing, so it may take more than one.
            let unblock = async {
                if let Ok(commands) = self
                    .commands
                    .ready(Instant::now() + LINK_TIMEOUT, None)
                    .await
                {
                    commands.unblock(link).await;
                }
                tokio::time::sleep(UNBLOCK_INTERVAL).await;
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

impl Requests {
    /// Ends a task. The last one gets the requests that no run loop is left to take, the last one first.
    fn end_task(&self) -> Vec<Bytes> {
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

    /// Records that a master can be reached, or that it cannot.
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

    /// Keeps the requests of a pop. True if there are some.
    fn add(&self, index: usize, frames: Vec<Bytes>) -> bool {
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
    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.closed() => {}
        }
    }

    /// Waits until the transport is closed.
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

    /// Puts requests back that no run loop is left to answer, the last one first: to the first master that can be reached.
    async fn give_back(&self, masters: &[Arc<MasterConnection>], frames: Vec<Bytes>) {
        let count = frames.len();
        let service = &self.service;
        let lifetime = bounded(self.settings.message_expiry);
        let lifetime = Bytes::from(lifetime.as_millis().to_string());
        let arguments: Vec<Bytes> = std::iter::once(lifetime).chain(frames).collect();
        let script = scripts::give_back();
        let mut limit = Limit::new();
        // A master that refuses, as the login has lost a right, may take them by other commands the next time.
        for master in masters.iter().chain(masters) {
            let deadline = Instant::now() + bounded(self.settings.command_timeout);
            let Ok(link) = master.ready(deadline, None).await else {
                continue;
            };
            let given = link.run(&mut limit, &script, &self.key, arguments.clone());
            match given.await {
                Ok(_) => return tracing::info!(%service, count, "put requests back"),
                // They may be in the list.
                Err(PushError::Unknown(_)) => break,
                Err(_) => {}
            }
        }
        tracing::error!(%service, count, "lost requests");
    }

    fn state(&self) -> MutexGuard<'_, RequestsState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerTransport for RedisServerTransport {
    fn close(&self) {
        self.handle.requests.state().is_closed = true;
        self.handle.stop();
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Bytes>, TransportError> {
        let requests = &self.handle.requests;
        tokio::select! {
            biased;
            started = self.handle.start() => started?,
            // Finding the masters may take long.
            () = requests.closed() => {}
        }
        let _wanting = Wanting(requests);
        loop {
            // Registered before looking, so that a change in between is not missed.
            let filled = requests.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            {
                let mut state = requests.state();
                let count = limit.min(state.buffer.len());
                if count > 0 {
                    return Ok(state.buffer.drain(..count).collect());
                }
                if state.is_closed && state.phase != Phase::Running {
                    let message = "the Redis transport was closed";
                    return Err(TransportError::new(TransportErrorKind::Closed, message));
                }
                if state.phase == Phase::Ended {
                    return Err(Ring::ended_error());
                }
                state.wanted = limit;
            }
            requests.wanted.notify_waiters();
            filled.await;
        }
    }

    async fn ready(&self) {
        self.handle.requests.popping.wait().await;
    }

    async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
        let handle = &*self.handle;
        handle.replies.send(&handle.connection, reply).await
    }

    async fn flush(&self) {
        self.handle.replies.flush().await;
    }

    fn limits(&self) -> MessageLimits {
        self.handle.replies.limits()
    }
}

/// A run loop that waits for requests. When it stops waiting it wants none: they are for other workers then.
struct Wanting<'a>(&'a Requests);

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.0.state().wanted = 0;
    }
}

impl fmt::Debug for RedisServerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServerTransport")
            .field("service", &self.handle.requests.service)
            .field("settings", &self.handle.requests.settings)
            .finish_non_exhaustive()
    }
}
