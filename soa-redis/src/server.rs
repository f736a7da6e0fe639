//! Requests of a service, taken from Redis.
//!
//! A task for each master pops requests, together as many as the run loop has asked for (see [`turns`](super::turns)),
//! and keeps them until the run loop takes them: so the run loop may stop waiting at any time and no request is lost.
//! Closing the transport unblocks the pops that wait; requests that they still bring are delivered, and then the run loop
//! ends. Requests that are left when the transport goes away without being closed are put back.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::internal::{RecordKeeper, Signal};
use soa_runtime::observe::names;
use soa_runtime::transport::{
    Backlog, Delivery, MessageLimits, Promise, Received, Reply, ServerTransport,
};
use soa_runtime::{BuildError, Name, TransportError, TransportErrorKind};
use soa_wire::wire;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::age::AgeReport;
use super::connection::RedisConnection;
use super::hold;
use super::hold_base::Base;
use super::hold_keys::HoldKeys;
use super::lease::Holder;
use super::lease_thread;
use super::master::MasterConnection;
use super::naming::request_key;
use super::popper::Popper;
use super::record::Records;
use super::replies::Replies;
use super::requests::{Phase, Requests, take_held, unheld};
use super::ring::Ring;
use super::settings::{RedisSettings, bounded};
use super::standing::Standing;
use super::turns::Turns;

/// Takes the requests of one service from Redis. Clones share everything.
///
/// It connects when it is first used, or at once with [`connect`](Self::connect), on the tokio runtime of that moment, which
/// needs time and I/O. A server that runs on another one after that has ended connects again.
///
/// ```no_run
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
    age: AgeReport,
    /// Promise of the server about its jobs.
    promise: Mutex<Option<Promise>>,
    /// Ends the thread that gives signs of life.
    leaving: Mutex<Arc<Signal>>,
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
        let age = AgeReport::new(connection, &service);
        let requests = Requests {
            key: request_key(&service).into(),
            service,
            settings,
            state: Mutex::default(),
            wanted: Notify::new(),
            filled: Notify::new(),
            popping: Signal::default(),
            holders: Mutex::default(),
        };
        Self {
            handle: Arc::new(Handle {
                connection: connection.clone(),
                requests: Arc::new(requests),
                replies,
                age,
                promise: Mutex::default(),
                leaving: Mutex::default(),
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
            state.standing = Standing::new(masters.len());
        }
        let holders = self.hold(&ring, &commands);
        for (index, (pops, commands)) in masters.into_iter().zip(commands).enumerate() {
            let popper = Popper {
                requests: Arc::clone(&self.requests),
                holder: holders.get(index).map(Arc::clone),
                index,
                key: Bytes::copy_from_slice(self.requests.key.as_bytes()),
                pops,
                commands,
            };
            ring.runtime().spawn(popper.run());
        }
        Ok(())
    }

    /// Begins to hold requests at these masters, if the server promises it.
    fn hold(&self, ring: &Arc<Ring>, masters: &[Arc<MasterConnection>]) -> Vec<Arc<Holder>> {
        let promise = lock(&self.promise).clone();
        let Some(promise) = promise.filter(Promise::holds) else {
            return Vec::new();
        };
        let settings = &self.requests.settings;
        let holders = holders(&self.requests.service, settings, &promise, ring, masters);
        let leaving = Arc::new(Signal::default());
        lease_thread::start(settings, &holders, &leaving);
        // The thread for another ring ends.
        std::mem::replace(&mut *lock(&self.leaving), leaving).set();
        lock(&self.requests.holders).clone_from(&holders);
        holders
    }

    /// Checks that requests can be held at all masters.
    async fn check(&self, promise: &Promise) -> Result<(), TransportError> {
        let settings = &self.requests.settings;
        let deadline = Instant::now() + bounded(settings.connect_timeout);
        let ring = self.connection.ring_until(deadline).await?;
        let masters = ring.request_masters(&self.requests.service);
        for holder in holders(&self.requests.service, settings, promise, &ring, &masters) {
            let ready = holder.base.master.ready(deadline, None).await;
            let link = ready.map_err(|unready| unready.error)?;
            holder.try_to_hold(&link, settings).await?;
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
        let left: Vec<Received> = match state.phase {
            Phase::Ended => state.buffer.drain(..).rev().collect(),
            _ => Vec::new(), // The last task gives back what there is.
        };
        drop(state);
        let left = unheld(left);
        self.stop();
        lock(&self.leaving).set();
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

impl ServerTransport for RedisServerTransport {
    async fn prepare(&self, promise: Promise) -> Result<(), TransportError> {
        *lock(&self.handle.promise) = Some(promise.clone());
        match promise.delivery() {
            Delivery::AtLeastOnce => self.handle.check(&promise).await,
            // The others are held where that is possible, or not at all.
            _ => Ok(()),
        }
    }

    fn close(&self) {
        let mut state = self.handle.requests.state();
        state.is_closed = true;
        let not_begun = take_held(&mut state.buffer);
        drop(state);
        // Others begin them.
        drop(not_begun);
        self.handle.stop();
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Received>, TransportError> {
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
        let holders = lock(&self.handle.requests.holders).clone();
        for holder in holders {
            holder.leave().await;
        }
    }

    fn lost(&self) -> u64 {
        self.handle.replies.lost()
    }

    fn limits(&self) -> MessageLimits {
        self.handle.replies.limits()
    }

    fn backlog(&self) -> Backlog {
        let requests = &self.handle.requests;
        let state = requests.state();
        let mut backlog = Backlog::default();
        backlog.standing = state.standing.time(Instant::now());
        backlog.patience = Some(requests.settings.patience());
        backlog.round_trip = state.round_trip;
        backlog
    }

    fn takes_responses(&self, reply_to: &str) -> bool {
        self.handle.replies.takes(reply_to)
    }

    fn records(&self) -> Option<Arc<dyn RecordKeeper>> {
        let requests = Arc::downgrade(&self.handle.requests);
        let pausing = move |is_paused| {
            if let Some(requests) = requests.upgrade() {
                requests.set_paused(is_paused);
            }
        };
        let (connection, service) = (&self.handle.connection, &self.handle.requests.service);
        Some(Arc::new(Records::new(connection, service, pausing)))
    }

    fn note_age(&self, age: Duration) {
        self.handle
            .requests
            .state()
            .standing
            .suspect(Instant::now());
        self.handle.age.report(age);
    }
}

/// Returns the holders at these masters.
fn holders(
    service: &Name,
    settings: &RedisSettings,
    promise: &Promise,
    ring: &Arc<Ring>,
    masters: &[Arc<MasterConnection>],
) -> Vec<Arc<Holder>> {
    let must_hold = promise.delivery() == Delivery::AtLeastOnce;
    let lifetime = bounded(settings.message_expiry).as_millis().to_string();
    let lifetime = Bytes::from(lifetime);
    let holders = masters.iter().map(|master| {
        let base = Base {
            keys: HoldKeys::new(service),
            promise: promise.clone(),
            master: Arc::clone(master),
            ring: Arc::downgrade(ring),
            time: settings.lease_time(),
            begun: (Instant::now(), wire::now()),
            lifetime: lifetime.clone(),
            prefix: hold::prefix(),
            held: names::HELD.gauge([service]),
            fenced: names::FENCED.counter([service]),
            woken: Notify::new(),
        };
        Arc::new(Holder::new(Arc::new(base), must_hold))
    });
    holders.collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
