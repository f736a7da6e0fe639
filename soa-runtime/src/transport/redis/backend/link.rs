//! One connection to one Redis.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::{Options, ReconnectPolicy};
use fred::types::{ClusterHash, ConnectHandle, CustomCommand, Value};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ability::{self, Abilities, PROBES};
use super::access::Access;
use super::failure::{self, failure, is_about_the_key, is_answer, is_closed, is_final, kind, text};
use super::limit::Limit;
use super::node::Node;
use super::script::{Script, Variant};
use crate::error::{TransportError, TransportErrorKind};
use crate::observe::names;
use crate::transport::redis::condition::{Condition, Purpose};

/// Time limit of closing a connection.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shortest and longest pause between two attempts to connect, and the random part of it, in milliseconds.
const RECONNECT_PAUSE: (u32, u32) = (1, 500);
const RECONNECT_JITTER: u32 = 10;

/// Age of a failure up to which it explains a missing connection.
const REASON_AGE: Duration = Duration::from_secs(10);

/// One connection to Redis. Clones are the same connection; it closes with the last of them.
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
}

#[derive(Debug)]
struct Inner {
    client: Client,
    node: Node,
    command_timeout: Duration,
    runtime: Handle,
    task: Mutex<ConnectHandle>,
    state: Arc<LinkState>,
    is_probing: AtomicBool,
    probe_ended: Notify,
    is_suspect: AtomicBool,
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
    /// Time of the last probe.
    probed: Mutex<Option<Instant>>,
    /// The policy by which this Redis evicts keys, if it does.
    eviction: Mutex<Option<String>>,
}

impl LinkState {
    /// Records a failure, and logs it if that is due.
    fn failed(&self, error: &Error) {
        *lock(&self.problem) = Some((kind(error), text(error)));
        self.condition.failed(self.purpose, &failure(error));
    }
}

/// The error of a push, by its effect.
#[derive(Debug)]
pub(in super::super) enum PushError {
    /// Nothing was pushed.
    Refused(TransportError),
    /// Nothing was pushed, and a retry fails as well: the key holds another type, or the login lacks a right.
    Final(TransportError),
    /// It may have been pushed, or not.
    Unknown(TransportError),
}

impl Link {
    /// Starts to connect, in the background, on this runtime.
    pub(in super::super) fn open(
        access: &Access,
        node: &Node,
        purpose: Purpose,
        condition: &Arc<Condition>,
        runtime: &Handle,
    ) -> Self {
        // The caller may be on another runtime, which ends before.
        let _entered = runtime.enter();
        let mut policy =
            ReconnectPolicy::new_exponential(0, RECONNECT_PAUSE.0, RECONNECT_PAUSE.1, 2);
        policy.set_jitter(RECONNECT_JITTER);
        let client = access.client(node, Some(policy));
        let state = Arc::new(LinkState {
            purpose,
            condition: Arc::clone(condition),
            problem: Mutex::default(),
            abilities: AtomicU8::new(Abilities::UNKNOWN),
            probed: Mutex::default(),
            eviction: Mutex::default(),
        });
        let (seen, place) = (Arc::clone(&state), node.to_string());
        client.on_error(move |(error, connected)| {
            if connected.is_some() && is_closed(&error) {
                // Redis ends connections that are idle. A command that was using it fails, and so does the next attempt to connect.
                tracing::debug!(redis = place, %error, "a connection to Redis was closed");
            } else {
                seen.failed(&error);
            }
            std::future::ready(Ok(()))
        });
        let seen = Arc::clone(&state);
        let reconnects = names::RECONNECT.counter([&node.to_string()]);
        client.on_reconnect(move |_| {
            // Without a problem before, this is the first time.
            if lock(&seen.problem).take().is_some() {
                reconnects.increment(1);
            }
            // It may be another Redis, and the login another one.
            seen.abilities.store(Abilities::UNKNOWN, Ordering::Relaxed);
            seen.condition.connected(seen.purpose);
            std::future::ready(Ok(()))
        });
        let task = Mutex::new(client.connect());
        Self(Arc::new(Inner {
            client,
            node: node.clone(),
            command_timeout: access.command_timeout,
            runtime: runtime.clone(),
            task,
            state,
            is_probing: AtomicBool::new(false),
            probe_ended: Notify::new(),
            is_suspect: AtomicBool::new(false),
        }))
    }

    /// The client of the library.
    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    /// The time limit of commands.
    pub(super) fn command_timeout(&self) -> Duration {
        self.0.command_timeout
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

    /// The Redis at the other end.
    pub(in super::super) fn node(&self) -> &Node {
        &self.0.node
    }

    /// The link, without keeping it open.
    pub(in super::super) fn reference(&self) -> LinkRef {
        LinkRef(Arc::downgrade(&self.0))
    }

    /// True if there is a connection that is not suspect.
    pub(in super::super) fn is_ready(&self) -> bool {
        self.0.client.is_connected() && self.knows_abilities() && !self.is_suspect()
    }

    /// True if this Redis did not answer in time, or is not the right one.
    pub(in super::super) fn is_suspect(&self) -> bool {
        self.0.is_suspect.load(Ordering::Relaxed)
    }

    /// The abilities of the login; all of them, as long as they are unknown.
    pub(in super::super) fn abilities(&self) -> Abilities {
        Abilities::from_bits(self.0.state.abilities.load(Ordering::Relaxed))
    }

    fn knows_abilities(&self) -> bool {
        self.0.state.abilities.load(Ordering::Relaxed) != Abilities::UNKNOWN
    }

    /// Waits until there is a connection.
    pub(in super::super) async fn ready(&self, deadline: Instant) -> Result<(), TransportError> {
        let client = &self.0.client;
        while !client.is_connected() {
            if Instant::now() >= deadline {
                return Err(self.unreachable());
            }
            {
                // The library gives up for good when the configuration cannot work; Redis' may change.
                let mut task = lock(&self.0.task);
                if task.is_finished() {
                    let _entered = self.0.runtime.enter();
                    *task = client.connect();
                }
            }
            // Waiting alone could miss a connection that was made just before.
            let pause = (Instant::now() + Duration::from_millis(50)).min(deadline);
            let _ = tokio::time::timeout_at(pause, client.wait_for_connect()).await;
            if !client.is_connected() {
                // A failed attempt ends the wait early, which must not become a busy loop.
                tokio::time::sleep_until(pause).await;
            }
        }
        while !self.knows_abilities() {
            let ended = self.0.probe_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            self.start_probe();
            let is_late = tokio::time::timeout_at(deadline, ended).await.is_err();
            if is_late || self.is_suspect() || !client.is_connected() {
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
                    state.abilities.store(bits, Ordering::Relaxed);
                }
                Err(error) => {
                    link.note(&error);
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
            let arguments = probe.arguments.iter().map(|text| Value::from(*text));
            probe.missing(self.command(probe.command, arguments.collect()).await)
        });
        let missing = futures_util::future::try_join_all(probes).await?;
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

    /// Runs a script that returns a number on one key, at most once.
    pub(in super::super) async fn run(
        &self,
        limit: &mut Limit,
        script: &Script,
        key: &str,
        arguments: Vec<Bytes>,
    ) -> Result<i64, PushError> {
        let variant = script.variant(self.abilities().times);
        let key = [Bytes::copy_from_slice(key.as_bytes())];
        match self.evaluate(limit, variant, &key, &arguments).await {
            Ok(number) => {
                self.works();
                Ok(number.as_i64().unwrap_or(0))
            }
            Err(error) => Err(self.failed_push(error)),
        }
    }

    /// Runs a script by its digest, and sends its text to a Redis that does not know it.
    pub(super) async fn evaluate(
        &self,
        limit: &mut Limit,
        variant: &Variant,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, Error> {
        match self.call(limit, &variant.digest, keys, arguments).await {
            // After a restart Redis does not know the script, and has not run it.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let load = vec![Value::from("LOAD"), Value::from(&*variant.text)];
                self.command("SCRIPT", load).await?;
                self.call(limit, &variant.digest, keys, arguments).await
            }
            outcome => outcome,
        }
    }

    async fn call(
        &self,
        limit: &mut Limit,
        digest: &str,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, Error> {
        let words = keys.iter().chain(arguments).cloned().map(Value::Bytes);
        let words: Vec<Value> = [Value::from(digest), integer(keys.len())]
            .into_iter()
            .chain(words)
            .collect();
        let command = CustomCommand::new_static("EVALSHA", ClusterHash::Offset(2), false);
        let answer = self.0.client.custom(command, words);
        let late = || Err(Error::new(ErrorKind::Timeout, "the command timed out"));
        let answer = limit.apply(self.0.command_timeout, answer).await;
        answer.unwrap_or_else(late)
    }

    /// Sends a command that does not block, with a timer of its own: for commands that are rare.
    pub(super) async fn command(
        &self,
        name: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let options = Options {
            timeout: Some(self.0.command_timeout),
            ..Options::default()
        };
        let client = self.0.client.with_options(&options);
        client.custom(command, arguments).await
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
        let is_hanging = *error.kind() == ErrorKind::Timeout;
        if is_hanging || failure::is_wrong_node(error) || ability::is_lacking(error) {
            self.replace();
        }
    }

    /// Has another link opened in the place of this one.
    pub(super) fn replace(&self) {
        if !self.0.is_suspect.swap(true, Ordering::Relaxed) {
            let node = self.0.node.to_string();
            names::RECONNECT.counter([&node]).increment(1);
        }
    }

    fn failed_push(&self, error: Error) -> PushError {
        let since = self.0.state.condition.since();
        self.note(&error);
        let message = format!("Redis at {} refused a message", self.0.node);
        let is_lacking = ability::is_lacking(&error);
        let failed = |error: Error| {
            TransportError::new(kind(&error), message).with_source(failure::explained(&error))
        };
        // The rights of the login have changed: they are probed again, and other commands may do. If that was done since,
        // there is nothing more to try.
        let probed = *lock(&self.0.state.probed);
        let is_probed = since.is_some_and(|since| probed.is_some_and(|probed| probed > since));
        if is_lacking && !is_probed {
            PushError::Refused(failed(error))
        } else if is_lacking || is_final(&error) {
            PushError::Final(failed(error))
        } else if is_answer(&error) {
            PushError::Refused(failed(error))
        } else {
            PushError::Unknown(failed(error))
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let client = self.client.clone();
        let task = lock(&self.task).abort_handle();
        self.runtime.spawn(async move {
            // It is being closed; whatever went wrong before is in the log.
            let _ = tokio::time::timeout(QUIT_TIMEOUT, client.quit()).await;
            // Without a connection there is nothing to quit, and it would go on trying.
            task.abort();
        });
    }
}

/// A number as an argument of a command.
pub(super) fn integer(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
