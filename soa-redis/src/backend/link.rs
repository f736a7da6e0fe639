//! One connection to one Redis.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use metrics::Counter;
use soa_runtime::observe::names;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::ability::{self, Abilities, PROBES};
use super::access::Access;
use super::error::{Error, ErrorKind};
use super::failure::{self, failure, is_about_the_key, is_closed, kind, text};
use super::limit::{DOUBT_AFTER, Limit};
use super::node::Node;
use super::tls::{Client, Lifetime};
use super::watched::Watched;
use super::wire::Wire;
use super::words::{Value, word};
use crate::condition::{Condition, Purpose};
use crate::pause::random;

/// Time limit of closing a connection.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shortest and longest pause between two attempts to connect, and the longest random part of it.
const CONNECT_PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(500));
const CONNECT_JITTER: Duration = Duration::from_millis(10);

/// Age of a failure up to which it explains a missing connection.
const REASON_AGE: Duration = Duration::from_secs(10);

/// The number of times that somebody has doubted a master.
pub(in super::super) type Doubts = Arc<watch::Sender<u64>>;

/// One connection to Redis. Clones are the same connection; it closes with the last of them.
///
/// It tries to connect until it has. When the connection ends, so does the link: what was on it fails at once, and there is
/// no second connection, on which what nobody waits for any more would be sent.
#[derive(Clone, Debug)]
pub(in super::super) struct Link(Arc<Inner>);

/// A link that may be gone.
#[derive(Clone, Debug)]
pub(in super::super) struct LinkRef(Weak<Inner>);

impl LinkRef {
    /// The link, if it is still in use.
    pub(in super::super) fn link(&self) -> Option<Link> {
        self.0.upgrade().map(Link)
    }

    /// True if it is this link.
    pub(in super::super) fn is_to(&self, link: &Link) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&link.0))
    }
}

#[derive(Debug)]
struct Inner {
    /// The connection if it is encrypted; `None` for one of our own.
    client: Option<Client>,
    node: Node,
    command_timeout: Duration,
    runtime: Handle,
    /// The task that connects.
    keeper: Mutex<Option<JoinHandle<()>>>,
    state: Arc<LinkState>,
    is_probing: AtomicBool,
    probe_ended: Notify,
}

/// The state of a connection, shared with those who hear of its events.
#[derive(Debug)]
struct LinkState {
    /// The purpose of the connection, and the condition of its master.
    purpose: Purpose,
    condition: Arc<Condition>,
    /// The reason why there is no connection, if known.
    problem: Mutex<Option<(TransportErrorKind, String)>>,
    /// Bits of [`Abilities`], probed on every new connection.
    abilities: AtomicU8,
    /// Time of the round trip of the last probe, in microseconds.
    round_trip: AtomicU64,
    /// Time of the last probe.
    probed: Mutex<Option<Instant>>,
    /// The policy by which this Redis evicts keys, if it does.
    eviction: Mutex<Option<String>>,
    /// The task of an encrypted connection, which has the commands that wait.
    task: Mutex<Option<AbortHandle>>,
    /// The connection of our own, once there is one.
    wire: OnceLock<Wire>,
    /// The number of that connection at Redis.
    id: OnceLock<i64>,
    /// What is watched on it.
    watched: Mutex<Watched>,
    connected: Notify,
    was_connected: AtomicBool,
    /// True once the connection has ended.
    is_closed: AtomicBool,
    is_suspect: AtomicBool,
    /// True if this Redis has said that it is not the master.
    is_wrong: AtomicBool,
    /// The number of doubts, for whoever finds out about the master, if anybody does.
    doubts: Option<Doubts>,
    /// True if it may be elsewhere, and if it may be dead: each is found out by another task.
    is_doubtful: [AtomicBool; 2],
    /// Count of the links to this Redis that were lost or given up.
    reconnects: Counter,
}

impl LinkState {
    /// Ends the connection. All commands that wait on it fail at once, and so do those that are sent later.
    fn close(&self) {
        if self.is_closed.swap(true, Ordering::Relaxed) {
            return;
        }
        if !self.is_suspect.load(Ordering::Relaxed) && self.was_connected.load(Ordering::Relaxed) {
            self.reconnects.increment(1);
        }
        // With the task goes the queue of commands: nothing waits there for a connection to come.
        if let Some(task) = &*lock(&self.task) {
            task.abort();
        }
        // Either this sees the connection that is just made, or whoever makes it sees this.
        fence(Ordering::SeqCst);
        if let Some(wire) = self.wire.get() {
            wire.end();
        }
        self.connected.notify_waiters();
    }

    /// Takes the connection of our own, and its number at Redis. There is one in the life of a link.
    fn take(&self, wire: Wire, id: Option<i64>) {
        if let Some(id) = id {
            let _ = self.id.set(id);
        }
        let _ = self.wire.set(wire);
        fence(Ordering::SeqCst);
        if self.is_closed.load(Ordering::Relaxed)
            && let Some(wire) = self.wire.get()
        {
            wire.end();
        }
        self.connected();
    }

    /// Records that there is a connection.
    fn connected(&self) {
        self.was_connected.store(true, Ordering::Relaxed);
        lock(&self.problem).take();
        self.connected.notify_waiters();
    }

    /// Records the end of a connection, or that there was none.
    fn ended(&self, node: &str, error: &Error, was_connected: bool) {
        if was_connected && is_closed(error) {
            // Redis ends connections that are idle. A command that was using it fails, and so does the next attempt to connect.
            tracing::debug!(redis = node, %error, "a connection to Redis was closed");
        } else {
            self.failed(error);
        }
        if was_connected {
            self.close();
        }
        self.doubt();
    }

    /// Has somebody find out whether the master is dead, or elsewhere by now.
    fn doubt(&self) {
        if let Some(doubts) = &self.doubts {
            for is_doubtful in &self.is_doubtful {
                is_doubtful.store(true, Ordering::Relaxed);
            }
            doubts.send_modify(|count| *count += 1);
        }
    }

    /// Records a failure, and logs it if that is due.
    fn failed(&self, error: &Error) {
        *lock(&self.problem) = Some((kind(error), text(error)));
        self.condition.failed(self.purpose, &failure(error));
    }
}

impl Link {
    /// Starts to connect, in the background, on this runtime.
    pub(in super::super) fn open(
        access: &Access,
        node: &Node,
        purpose: Purpose,
        condition: &Arc<Condition>,
        doubts: Option<Doubts>,
        runtime: &Handle,
    ) -> Self {
        // The caller may be on another runtime, which ends before.
        let _entered = runtime.enter();
        let state = Arc::new(LinkState {
            purpose,
            condition: Arc::clone(condition),
            problem: Mutex::default(),
            abilities: AtomicU8::new(Abilities::UNKNOWN),
            round_trip: AtomicU64::new(0),
            probed: Mutex::default(),
            eviction: Mutex::default(),
            task: Mutex::default(),
            wire: OnceLock::new(),
            id: OnceLock::new(),
            watched: Mutex::new(Watched::new()),
            connected: Notify::new(),
            was_connected: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            is_suspect: AtomicBool::new(false),
            is_wrong: AtomicBool::new(false),
            doubts,
            is_doubtful: Default::default(),
            reconnects: names::RECONNECT.counter([&node.to_string()]),
        });
        let client = access.client(node, Lifetime::UntilCut);
        let keeper = match &client {
            None => runtime.spawn(keep_own(access.clone(), node.clone(), Arc::clone(&state))),
            Some(client) => {
                watch_encrypted(client, node, &state);
                runtime.spawn(keep_encrypted(client.clone(), Arc::clone(&state)))
            }
        };
        Self(Arc::new(Inner {
            client,
            node: node.clone(),
            command_timeout: access.command_timeout,
            runtime: runtime.clone(),
            keeper: Mutex::new(Some(keeper)),
            state,
            is_probing: AtomicBool::new(false),
            probe_ended: Notify::new(),
        }))
    }

    /// Sends a command, and waits for its answer as long as it takes. To be awaited to its end where it takes something away.
    pub(super) async fn send(&self, name: &'static str, words: Vec<Value>) -> Result<Value, Error> {
        let state = &self.0.state;
        if let Some(client) = &self.0.client {
            // Each future around this one would be as large as those of the library.
            return Box::pin(client.send(name, words, &state.is_closed)).await;
        }
        match state.wire.get() {
            Some(wire) => wire.send(name, &words).await,
            None => Err(failure::not_sent()),
        }
    }

    /// Sends commands in one flush, and waits for their answers. To be awaited to its end where they take something away.
    pub(super) async fn send_all(
        &self,
        commands: Vec<(&'static str, Vec<Value>)>,
    ) -> Vec<Result<Value, Error>> {
        let Some(wire) = self.wire() else {
            let sent = commands.into_iter();
            let sent = sent.map(|(name, words)| self.send(name, words));
            return futures_util::future::join_all(sent).await;
        };
        wire.send_all(&commands).await
    }

    /// The connection of our own, on which commands come to Redis with no other between them.
    pub(super) fn wire(&self) -> Option<&Wire> {
        self.0.state.wire.get()
    }

    /// What is watched on this connection.
    pub(super) fn watched(&self) -> &Mutex<Watched> {
        &self.0.state.watched
    }

    /// The number of the connection at Redis, if it is known.
    pub(super) fn id(&self) -> Option<i64> {
        match &self.0.client {
            Some(client) => client.id(),
            None => self.0.state.id.get().copied(),
        }
    }

    /// True if there is a connection.
    fn is_connected(&self) -> bool {
        match &self.0.client {
            Some(client) => client.is_connected(),
            None => self.0.state.wire.get().is_some() && !self.is_closed(),
        }
    }

    /// Waits for a connection, or for something to happen to it.
    async fn wait_for_connect(&self) {
        let state = &self.0.state;
        match &self.0.client {
            Some(client) => client.wait_for_connect().await,
            None => {
                let connected = state.connected.notified();
                tokio::pin!(connected);
                connected.as_mut().enable();
                if !self.is_connected() && !self.is_closed() {
                    connected.await;
                }
            }
        }
    }

    /// Its purpose.
    pub(super) fn purpose(&self) -> Purpose {
        self.0.state.purpose
    }

    /// The condition of its master.
    pub(super) fn condition(&self) -> &Condition {
        &self.0.state.condition
    }

    /// The policy by which this Redis evicts keys, if it is known to.
    pub(in super::super) fn eviction(&self) -> Option<String> {
        lock(&self.0.state.eviction).clone()
    }

    /// Records the policy by which this Redis evicts keys.
    pub(super) fn set_eviction(&self, policy: Option<String>) {
        *lock(&self.0.state.eviction) = policy;
    }

    /// The time limit of commands.
    pub(super) fn command_timeout(&self) -> Duration {
        self.0.command_timeout
    }

    /// True if the rights of the login were probed since this time.
    pub(super) fn was_probed_since(&self, time: Instant) -> bool {
        let probed = *lock(&self.0.state.probed);
        probed.is_some_and(|probed| probed > time)
    }

    /// The Redis at the other end.
    pub(in super::super) fn node(&self) -> &Node {
        &self.0.node
    }

    /// True if both are the same connection.
    pub(in super::super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The link, without keeping it open.
    pub(in super::super) fn reference(&self) -> LinkRef {
        LinkRef(Arc::downgrade(&self.0))
    }

    /// True if there is a connection that is not suspect.
    pub(in super::super) fn is_ready(&self) -> bool {
        self.is_connected() && self.knows_abilities() && !self.is_spent()
    }

    /// True if this Redis did not answer in time, or is not the right one.
    pub(in super::super) fn is_suspect(&self) -> bool {
        self.0.state.is_suspect.load(Ordering::Relaxed)
    }

    /// True if this Redis has said that it is not the master.
    pub(in super::super) fn is_wrong(&self) -> bool {
        self.0.state.is_wrong.load(Ordering::Relaxed)
    }

    /// Records that this Redis is not the master, so that another link is opened.
    pub(in super::super) fn refute(&self) {
        self.0.state.is_wrong.store(true, Ordering::Relaxed);
        self.replace();
    }

    /// True if another link has to be opened in the place of this one.
    pub(in super::super) fn is_spent(&self) -> bool {
        self.is_closed() || self.is_suspect()
    }

    /// True if the connection has ended.
    fn is_closed(&self) -> bool {
        self.0.state.is_closed.load(Ordering::Relaxed)
    }

    /// True if the connection was of use, and was cut: nothing speaks against another one at once.
    pub(in super::super) fn is_cut(&self) -> bool {
        self.is_closed() && self.knows_abilities() && !self.is_suspect()
    }

    /// The abilities of the login; all of them, as long as they are unknown.
    pub(in super::super) fn abilities(&self) -> Abilities {
        Abilities::from_bits(self.0.state.abilities.load(Ordering::Relaxed))
    }

    /// The time that a round trip took when the connection was made.
    pub(in super::super) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.0.state.round_trip.load(Ordering::Relaxed))
    }

    fn knows_abilities(&self) -> bool {
        self.0.state.abilities.load(Ordering::Relaxed) != Abilities::UNKNOWN
    }

    /// Waits until there is a connection.
    pub(in super::super) async fn ready(&self, deadline: Instant) -> Result<(), TransportError> {
        let mut doubt = Instant::now() + DOUBT_AFTER;
        while !self.is_connected() {
            let now = Instant::now();
            if now >= deadline || self.is_closed() {
                return Err(self.unreachable());
            }
            if now >= doubt {
                self.doubt();
                doubt = now + DOUBT_AFTER;
            }
            // Waiting alone could miss a connection that was made just before.
            let pause = (Instant::now() + Duration::from_millis(50)).min(deadline);
            let _ = tokio::time::timeout_at(pause, self.wait_for_connect()).await;
            if !self.is_connected() {
                // A failed attempt ends the wait early, which must not become a busy loop.
                tokio::time::sleep_until(pause).await;
            }
        }
        while !self.knows_abilities() {
            if self.is_closed() {
                return Err(self.unreachable());
            }
            let ended = self.0.probe_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            self.start_probe();
            let is_late = tokio::time::timeout_at(deadline, ended).await.is_err();
            if is_late || self.is_spent() {
                return Err(self.unreachable());
            }
        }
        Ok(())
    }

    /// Probes the abilities in a task of its own: on a slow connection, whoever waits may have less time.
    fn start_probe(&self) {
        if self.0.is_probing.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = self.clone();
        self.0.runtime.spawn(async move {
            let state = &link.0.state;
            let (probed, ()) = futures_util::future::join(link.probe(), link.inspect()).await;
            match probed {
                Ok(bits) => {
                    *lock(&state.probed) = Some(Instant::now());
                    // One that still loads its data takes connections, too.
                    state.condition.connected(state.purpose);
                    state.abilities.store(bits, Ordering::Relaxed);
                }
                Err(error) => {
                    link.note(&error);
                    link.0.probe_ended.notify_waiters();
                    tokio::time::sleep(state.condition.pause()).await;
                }
            }
            link.0.is_probing.store(false, Ordering::Relaxed);
            link.0.probe_ended.notify_waiters();
        });
    }

    /// Tries the commands whose presence decides on the abilities; their bits.
    async fn probe(&self) -> Result<u8, Error> {
        let probes = PROBES.iter().map(|probe| async {
            let arguments = probe.arguments.iter().map(|text| word(*text));
            probe.missing(self.command(probe.command, arguments.collect()).await)
        });
        let since = Instant::now();
        let missing = futures_util::future::try_join_all(probes).await?;
        let took = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.state.round_trip.store(took, Ordering::Relaxed);
        Ok(missing
            .into_iter()
            .fold(Abilities::ALL, |bits, missing| bits & !missing))
    }

    fn unreachable(&self) -> TransportError {
        let state = &self.0.state;
        let problem = lock(&state.problem).clone().or_else(|| {
            // It may be a new one, in the place of one that failed.
            let trouble = state.condition.trouble(REASON_AGE)?;
            Some((TransportErrorKind::Transient, trouble))
        });
        let (kind, why) = problem.unwrap_or_else(|| {
            let why = "not connected yet".to_owned();
            (TransportErrorKind::Transient, why)
        });
        let message = format!("Redis at {} cannot be reached: {why}", self.0.node);
        TransportError::new(kind, message)
    }

    /// Waits for the outcome of a command that usually takes up to `usual`; `None` if it does not come in time.
    pub(super) fn limited<T>(
        &self,
        limit: &mut Limit,
        usual: Duration,
        length: Duration,
        command: Pin<&mut impl Future<Output = T>>,
    ) -> impl Future<Output = Option<T>> {
        let usual = self.0.state.doubts.is_some().then_some(usual);
        limit.apply(length, usual, || self.doubt(), command)
    }

    /// Has somebody find out whether the master is dead, or elsewhere by now.
    pub(super) fn doubt(&self) {
        self.0.state.doubt();
    }

    /// Returns true if there was doubt whether the master is still here, and ends it.
    pub(in super::super) fn may_be_elsewhere(&self) -> bool {
        let [elsewhere, _] = &self.0.state.is_doubtful;
        elsewhere.swap(false, Ordering::Relaxed)
    }

    /// Returns true if there was doubt whether the master lives, and ends it.
    pub(in super::super) fn may_be_dead(&self) -> bool {
        let [_, dead] = &self.0.state.is_doubtful;
        dead.swap(false, Ordering::Relaxed)
    }

    /// Ends the connection, since the master is elsewhere. All commands that wait on it fail at once; what they would still
    /// bring is lost with the master.
    pub(in super::super) fn close(&self) {
        self.0.state.close();
    }

    /// Sends a command that does not block, with a timer of its own: for commands that are rare.
    pub(super) async fn command(
        &self,
        name: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let answer = pin!(self.send(name, arguments));
        let mut limit = Limit::new();
        let answer = limit.apply(self.0.command_timeout, None, || {}, answer);
        let late = || Err(Error::new(ErrorKind::Timeout, "the command timed out"));
        answer.await.unwrap_or_else(late)
    }

    /// Records a success.
    pub(super) fn works(&self) {
        let state = &self.0.state;
        state.condition.works(state.purpose);
    }

    /// Records a failure of the master, whatever the error says.
    pub(super) fn failed(&self, error: &Error) {
        self.0.state.failed(error);
    }

    /// Records a failure, and has the link replaced if it is one of the connection.
    pub(super) fn note(&self, error: &Error) {
        if !is_about_the_key(error) {
            self.0.state.failed(error);
        }
        let is_hanging = error.kind() == ErrorKind::Timeout;
        let is_wrong = failure::is_wrong_node(error);
        if is_wrong {
            self.refute();
        } else if is_hanging || ability::is_lacking(error) {
            self.replace();
        }
        if is_hanging || is_wrong {
            self.doubt();
        }
    }

    /// Has another link opened in the place of this one.
    pub(super) fn replace(&self) {
        let state = &self.0.state;
        if !state.is_suspect.swap(true, Ordering::Relaxed) && !self.is_closed() {
            state.reconnects.increment(1);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let (client, state) = (self.client.clone(), Arc::clone(&self.state));
        let keeper = lock(&self.keeper).take();
        self.runtime.spawn(async move {
            // Without a connection there is nothing to quit, and it would go on trying.
            if let Some(keeper) = keeper {
                keeper.abort();
                let _ = keeper.await;
            }
            // It is being closed; whatever went wrong before is in the log.
            if let Some(client) = client
                && !state.is_closed.load(Ordering::Relaxed)
            {
                let _ = tokio::time::timeout(QUIT_TIMEOUT, client.quit()).await;
            }
            state.close();
            if let Some(task) = &*lock(&state.task) {
                task.abort();
            }
        });
    }
}

/// Has the state know what happens to an encrypted connection.
fn watch_encrypted(client: &Client, node: &Node, state: &Arc<LinkState>) {
    let (seen, place) = (Arc::clone(state), node.to_string());
    let ended = move |error: &Error, was_connected| seen.ended(&place, error, was_connected);
    let seen = Arc::clone(state);
    client.watch(ended, move || seen.connected());
}

/// Connects, with as many attempts as it takes, and runs the connection until it ends.
async fn keep_own(access: Access, node: Node, state: Arc<LinkState>) {
    let (mut pause, longest) = CONNECT_PAUSE;
    let place = node.to_string();
    while !state.is_closed.load(Ordering::Relaxed) {
        match access.dial(&node).await {
            Ok((wire, id, driver)) => {
                state.take(wire, id);
                let error = driver.await;
                return state.ended(&place, &error, true);
            }
            Err(error) => state.ended(&place, &error, false),
        }
        tokio::time::sleep(pause + CONNECT_JITTER.mul_f64(random())).await;
        pause = (pause * 2).min(longest);
    }
}

/// The same for an encrypted connection.
async fn keep_encrypted(client: Client, state: Arc<LinkState>) {
    let (mut pause, longest) = CONNECT_PAUSE;
    loop {
        let (handle, ended) = client.connect();
        *lock(&state.task) = Some(handle.clone());
        if state.is_closed.load(Ordering::Relaxed) {
            handle.abort();
        }
        ended.await;
        if state.is_closed.load(Ordering::Relaxed) || state.was_connected.load(Ordering::Relaxed) {
            return state.close();
        }
        tokio::time::sleep(pause + CONNECT_JITTER.mul_f64(random())).await;
        pause = (pause * 2).min(longest);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
