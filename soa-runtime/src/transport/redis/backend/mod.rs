//! The client library, and all that is known about its ways. Nothing outside this module names it.
//!
//! A [`Link`] is one connection to one Redis that reconnects by itself, with back-off. Pushes and pops have a
//! link each, since a blocking pop stops everything behind it. Three habits of the library are undone here:
//!
//! * it sends a command again whose outcome it does not know: one attempt only, so nothing is pushed twice;
//! * a command that waits for its answer while the connection is lost ends only after the next connect: every
//!   command has a limit of its own;
//! * its own script commands hold up all that is sent after them: scripts go through its generic command.
//!
//! Its modes for sentinels and clusters are not used: the first cannot have several masters, and has no limit of time;
//! the second does not follow a list that has moved when a command is sent once only. A link that hears that its Redis
//! is not the right one, or that it does not answer, becomes *suspect*, and whoever uses it opens another.
//!
//! A pop must not be dropped while it waits: Redis would hand the next message to nobody. Only
//! [`Link::unblock`], from another link, ends one early.

mod ability;
mod access;
mod discovery;
mod limit;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientInterface, ClientLike, EventInterface, KeysInterface};
use fred::types::config::{Options, ReconnectPolicy};
use fred::types::{ClientUnblockFlag, ClusterHash, ConnectHandle, CustomCommand, Value};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

pub(super) use ability::Abilities;
pub(super) use access::Access;
pub(super) use discovery::{Node, SentinelMaster, masters, slots};
pub(super) use limit::Limit;

use super::script::Script;
use crate::error::{TransportError, TransportErrorKind};
use crate::observe::names;

/// Small frames are copied out of the read buffer, which would otherwise live as long as the last of them.
const COPIED: usize = 64 * 1024;

/// How much longer than it asked for a pop may take before its connection counts as stuck.
const STUCK: Duration = Duration::from_secs(5);

/// Shortest and longest pause between two attempts to connect, and what is added at random, in milliseconds.
const RECONNECT: (u32, u32) = (1, 500);
const JITTER: u32 = 10;

/// With these words a Redis says that it is not, or no longer, the one to ask.
const WRONG_NODE: [&str; 5] = ["READONLY", "MASTERDOWN", "MOVED", "ASK", "CLUSTERDOWN"];

/// The shortest block: nothing would be for ever.
const LEAST_BLOCK: Duration = Duration::from_millis(10);

/// How long to wait after a failure before it is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// How long a pop blocks that nobody could end early.
const UNSTOPPABLE: Duration = Duration::from_millis(100);

/// One connection to Redis. Clones are the same connection; it closes with the last of them.
#[derive(Clone, Debug)]
pub(super) struct Link(Arc<Inner>);

/// A link that may be gone.
#[derive(Clone, Debug)]
pub(super) struct LinkRef(Weak<Inner>);

impl LinkRef {
    /// The link, if somebody still uses it.
    pub(super) fn link(&self) -> Option<Link> {
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
    /// Why there is no connection, as far as is known.
    problem: Arc<Mutex<Option<String>>>,
    /// What the login may do; asked once there is a connection.
    abilities: OnceLock<Abilities>,
    is_greeting: AtomicBool,
    greeted: Notify,
    is_suspect: AtomicBool,
}

/// Why a push failed.
#[derive(Debug)]
pub(super) enum PushError {
    /// Nothing was pushed.
    Refused(TransportError),
    /// Nothing was pushed, nor will it be when it is tried again: the key is no list, or the login may not.
    Final(TransportError),
    /// It may have been pushed, or not.
    Unknown(TransportError),
}

/// What a pop brought.
#[derive(Debug)]
pub(super) struct Popped {
    pub(super) key: Bytes,
    pub(super) frames: Vec<Bytes>,
}

impl Link {
    /// Starts to connect, in the background. Must be called on the runtime.
    pub(super) fn open(access: &Access, node: &Node) -> Result<Self, TransportError> {
        let Ok(runtime) = Handle::try_current() else {
            let message = "the Redis transport needs a tokio runtime";
            return Err(TransportError::new(
                TransportErrorKind::Misconfigured,
                message,
            ));
        };
        let mut policy = ReconnectPolicy::new_exponential(0, RECONNECT.0, RECONNECT.1, 2);
        policy.set_jitter(JITTER);
        let client = access.client(node, Some(policy));
        let problem = Arc::new(Mutex::new(None));
        let (seen, place) = (Arc::clone(&problem), node.to_string());
        client.on_error(move |(error, _)| {
            let problem = Some(error.to_string());
            // It is tried again several times a second: what is known is not told again.
            if std::mem::replace(&mut *lock(&seen), problem.clone()) != problem {
                tracing::warn!(redis = place, %error, "the connection to Redis failed");
            }
            std::future::ready(Ok(()))
        });
        let seen = Arc::clone(&problem);
        let reconnects = names::RECONNECT.counter([&node.to_string()]);
        client.on_reconnect(move |_| {
            // Without a problem before, this is the first time.
            if lock(&seen).take().is_some() {
                reconnects.increment(1);
            }
            std::future::ready(Ok(()))
        });
        let task = Mutex::new(client.connect());
        Ok(Self(Arc::new(Inner {
            client,
            node: node.clone(),
            command_timeout: access.command_timeout,
            runtime,
            task,
            problem,
            abilities: OnceLock::new(),
            is_greeting: AtomicBool::new(false),
            greeted: Notify::new(),
            is_suspect: AtomicBool::new(false),
        })))
    }

    /// The Redis at the other end.
    pub(super) fn node(&self) -> &Node {
        &self.0.node
    }

    /// The link, without keeping it open.
    pub(super) fn reference(&self) -> LinkRef {
        LinkRef(Arc::downgrade(&self.0))
    }

    /// Whether there is a connection that nothing is known against.
    pub(super) fn is_ready(&self) -> bool {
        self.0.client.is_connected() && self.0.abilities.get().is_some() && !self.is_suspect()
    }

    /// Whether it does not answer, or said that it is not the right one.
    pub(super) fn is_suspect(&self) -> bool {
        self.0.is_suspect.load(Ordering::Relaxed)
    }

    /// What the login may do; everything, as long as it is not known.
    pub(super) fn abilities(&self) -> Abilities {
        self.0.abilities.get().copied().unwrap_or_default()
    }

    /// Waits until there is a connection.
    pub(super) async fn ready(&self, deadline: Instant) -> Result<(), TransportError> {
        let client = &self.0.client;
        while !client.is_connected() {
            if Instant::now() >= deadline {
                return Err(self.unreachable());
            }
            {
                // The library gives up for good when the configuration cannot work; Redis' may change.
                let mut task = lock(&self.0.task);
                if task.is_finished() {
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
        while self.0.abilities.get().is_none() {
            let greeted = self.0.greeted.notified();
            tokio::pin!(greeted);
            greeted.as_mut().enable();
            self.greet();
            if tokio::time::timeout_at(deadline, greeted).await.is_err() || !client.is_connected() {
                return Err(self.unreachable());
            }
        }
        Ok(())
    }

    /// Finds out what can be used here, in a task of its own: on a slow connection, whoever waits may have less time.
    fn greet(&self) {
        if self.0.is_greeting.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = self.clone();
        self.0.runtime.spawn(async move {
            match link.probe().await {
                // It is set here alone.
                Ok(abilities) => drop(link.0.abilities.set(abilities)),
                Err(error) => {
                    *lock(&link.0.problem) = Some(error.to_string());
                    link.note(&error);
                    tokio::time::sleep(AGAIN).await;
                }
            }
            link.0.is_greeting.store(false, Ordering::Relaxed);
            link.0.greeted.notify_waiters();
        });
    }

    fn unreachable(&self) -> TransportError {
        let problem = lock(&self.0.problem);
        let why = problem.as_deref().unwrap_or("there is no connection yet");
        let message = format!("Redis at {} cannot be reached: {why}", self.0.node);
        TransportError::new(TransportErrorKind::Transient, message)
    }

    /// Runs a script on one key. It runs at most once.
    pub(super) async fn run(
        &self,
        limit: &mut Limit,
        script: &Script,
        key: &str,
        arguments: Vec<Bytes>,
    ) -> Result<i64, PushError> {
        let variant = script.variant(self.abilities().times);
        let first = self.evaluate(limit, &variant.hash, key, &arguments).await;
        let outcome = match first {
            // After a restart Redis does not know the script, and has not run it.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let load = vec![Value::from("LOAD"), Value::from(&*variant.text)];
                match self.command("SCRIPT", load).await {
                    Ok(_) => self.evaluate(limit, &variant.hash, key, &arguments).await,
                    Err(error) => Err(error),
                }
            }
            outcome => outcome,
        };
        outcome.map_err(|error| self.failed_push(error))
    }

    async fn evaluate(
        &self,
        limit: &mut Limit,
        hash: &str,
        key: &str,
        arguments: &[Bytes],
    ) -> Result<i64, Error> {
        let head = [Value::from(hash), Value::from(1), Value::from(key)];
        let arguments: Vec<Value> = head
            .into_iter()
            .chain(arguments.iter().cloned().map(Value::Bytes))
            .collect();
        let command = CustomCommand::new_static("EVALSHA", ClusterHash::FirstKey, false);
        let answer = self.0.client.custom(command, arguments);
        let late = || Err(Error::new(ErrorKind::Timeout, "no answer in time"));
        let answer = limit.keep(self.0.command_timeout, answer).await;
        answer.unwrap_or_else(late)
    }

    /// A command that does not block, for now and then.
    async fn command(&self, name: &'static str, arguments: Vec<Value>) -> Result<Value, Error> {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let options = Options {
            timeout: Some(self.0.command_timeout),
            ..Options::default()
        };
        let client = self.0.client.with_options(&options);
        client.custom(command, arguments).await
    }

    /// Draws conclusions about the connection from a failure.
    fn note(&self, error: &Error) {
        let is_wrong = |word: &str| error.details().starts_with(word);
        let is_hanging = *error.kind() == ErrorKind::Timeout;
        if is_hanging || WRONG_NODE.into_iter().any(is_wrong) {
            self.suspect(error.details());
        }
    }

    fn suspect(&self, why: &str) {
        if !self.0.is_suspect.swap(true, Ordering::Relaxed) {
            tracing::warn!(redis = %self.0.node, why, "connecting anew");
            let node = self.0.node.to_string();
            names::RECONNECT.counter([&node]).increment(1);
        }
    }

    fn failed_push(&self, error: Error) -> PushError {
        self.note(&error);
        let message = format!("Redis at {} did not take a message", self.0.node);
        let failed = |source| {
            TransportError::new(TransportErrorKind::Transient, message).with_source(source)
        };
        if is_final(&error) {
            PushError::Final(failed(error))
        } else if is_answer(&error) {
            PushError::Refused(failed(error))
        } else {
            PushError::Unknown(failed(error))
        }
    }

    /// Takes up to `count` messages from the first of these lists that has some, waiting for up to `block`, or not at
    /// all for nothing. A login that could not end the wait early waits shorter.
    ///
    /// To be awaited to its end: dropping it loses a message.
    pub(super) async fn pop(
        &self,
        limit: &mut Limit,
        keys: &[Arc<str>],
        count: usize,
        block: Duration,
    ) -> Result<Option<Popped>, TransportError> {
        let abilities = self.abilities();
        let block = if abilities.unblock {
            block
        } else {
            block.min(UNSTOPPABLE)
        };
        let pop = async {
            match keys {
                [key] if block.is_zero() && abilities.lpop => self.pop_now(key, count).await,
                _ if abilities.blmpop => self.pop_many(keys, count, block).await,
                _ => self.pop_first(keys, count, block, abilities.lpop).await,
            }
        };
        let Some(outcome) = limit.keep(block + STUCK, pop).await else {
            self.suspect("a pop is stuck");
            return Ok(None);
        };
        match outcome {
            Ok(popped) => Ok(popped),
            // So the library tells that there was nothing.
            Err(error) if *error.kind() == ErrorKind::Timeout => Ok(None),
            Err(error) if error.details().starts_with("UNBLOCKED") => Ok(None),
            Err(error) => {
                self.note(&error);
                let message = format!("popping from Redis at {} failed", self.0.node);
                let failed = TransportError::new(TransportErrorKind::Transient, message);
                Err(failed.with_source(error))
            }
        }
    }

    async fn pop_now(&self, key: &Arc<str>, count: usize) -> Result<Option<Popped>, Error> {
        let arguments = vec![Value::from(&**key), integer(count)];
        let command = CustomCommand::new_static("LPOP", ClusterHash::FirstKey, false);
        let popped: Value = self.0.client.custom(command, arguments).await?;
        let Value::Array(frames) = popped else {
            return Ok(None);
        };
        let frames = frames.into_iter().filter_map(frame).collect();
        let key = Bytes::copy_from_slice(key.as_bytes());
        Ok(Some(Popped { key, frames }))
    }

    async fn pop_many(
        &self,
        keys: &[Arc<str>],
        count: usize,
        block: Duration,
    ) -> Result<Option<Popped>, Error> {
        let block = block.max(LEAST_BLOCK).as_secs_f64();
        let mut arguments = vec![Value::from(block), integer(keys.len())];
        arguments.extend(keys.iter().map(|key| Value::from(&**key)));
        arguments.extend([Value::from("LEFT"), Value::from("COUNT"), integer(count)]);
        let command = CustomCommand::new_static("BLMPOP", ClusterHash::Offset(2), true);
        let Value::Array(answer) = self.0.client.custom(command, arguments).await? else {
            return Ok(None);
        };
        let mut answer = answer.into_iter();
        let (Some(key), Some(Value::Array(frames))) = (answer.next(), answer.next()) else {
            return Ok(None);
        };
        let frames = frames.into_iter().filter_map(frame).collect();
        Ok(bytes(key).map(|key| Popped { key, frames }))
    }

    /// Redis before version 7, or a login that may not use BLMPOP.
    async fn pop_first(
        &self,
        keys: &[Arc<str>],
        count: usize,
        block: Duration,
        has_lpop: bool,
    ) -> Result<Option<Popped>, Error> {
        let mut arguments: Vec<Value> = keys.iter().map(|key| Value::from(&**key)).collect();
        arguments.push(Value::from(block.max(LEAST_BLOCK).as_secs_f64()));
        let command = CustomCommand::new_static("BLPOP", ClusterHash::FirstKey, true);
        let Value::Array(answer) = self.0.client.custom(command, arguments).await? else {
            return Ok(None);
        };
        let mut answer = answer.into_iter();
        let Some(key) = answer.next().and_then(bytes) else {
            return Ok(None);
        };
        let mut frames: Vec<Bytes> = answer.filter_map(frame).collect();
        if count > 1 && has_lpop {
            let arguments = vec![Value::Bytes(key.clone()), integer(count - 1)];
            let command = CustomCommand::new_static("LPOP", ClusterHash::FirstKey, false);
            // What the first pop brought is delivered even when this one fails.
            let more: Result<Value, Error> = self.0.client.custom(command, arguments).await;
            if let Ok(Value::Array(more)) = more {
                frames.extend(more.into_iter().filter_map(frame));
            }
        }
        Ok(Some(Popped { key, frames }))
    }

    /// Ends the blocking pop of another link early, if one waits.
    pub(super) async fn unblock(&self, other: &Self) {
        let Some(id) = other.0.client.connection_ids().into_values().next() else {
            return;
        };
        let flag = Some(ClientUnblockFlag::Timeout);
        let unblock = self.0.client.client_unblock::<i64, _>(id, flag);
        // It is tried again until the pop has ended.
        let _ = tokio::time::timeout(self.0.command_timeout, unblock).await;
    }

    /// Deletes a list, where the login may.
    pub(super) async fn delete(&self, key: &str) {
        // Lists expire anyway.
        if self.abilities().delete {
            let delete = self.0.client.del::<i64, _>(key);
            let _ = tokio::time::timeout(self.0.command_timeout, delete).await;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let client = self.client.clone();
        let task = lock(&self.task).abort_handle();
        self.runtime.spawn(async move {
            // It is being closed; what else there is to tell went to the log.
            let _ = tokio::time::timeout(STUCK, client.quit()).await;
            // Without a connection there is nothing to quit, and it would go on trying.
            task.abort();
        });
    }
}

/// The hash by which Redis knows a script.
pub(super) fn sha1(text: &str) -> String {
    fred::util::sha1_hash(text)
}

/// Whether Redis will say the same the next time.
fn is_final(error: &Error) -> bool {
    let told = error.details();
    ["WRONGTYPE", "NOPERM", "ACL failure"]
        .iter()
        .any(|word| told.contains(word))
}

/// Whether Redis itself said this: its errors begin with a word in capitals.
fn is_answer(error: &Error) -> bool {
    let word = error.details().split(' ').next().unwrap_or_default();
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn integer(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::String(text) => Some(text.into_inner()),
        _ => None,
    }
}

fn frame(value: Value) -> Option<Bytes> {
    let frame = bytes(value)?;
    if frame.len() <= COPIED {
        return Some(Bytes::copy_from_slice(&frame));
    }
    Some(frame)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slot of a cluster that a key is in.
pub(super) fn key_slot(key: &str) -> u16 {
    fred::util::redis_keyslot(key.as_bytes())
}
