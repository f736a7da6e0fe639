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
//! A pop must not be dropped while it waits; see [`pop`].

mod ability;
mod access;
mod discovery;
mod failure;
mod limit;
mod pop;

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

pub(super) use ability::Abilities;
pub(super) use access::Access;
pub(super) use discovery::{Node, SentinelMaster, masters, slots};
pub(super) use limit::Limit;
pub(super) use pop::{PopError, Popped};

use failure::{failure, is_about_the_key, is_answer, is_closed, is_final, kind, text};

use super::condition::{Condition, Doing};
use super::script::{Script, Variant};
use crate::error::{TransportError, TransportErrorKind};
use crate::observe::names;

/// How long closing a connection may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Shortest and longest pause between two attempts to connect, and what is added at random, in milliseconds.
const RECONNECT: (u32, u32) = (1, 500);
const JITTER: u32 = 10;

/// A failure of this time is the reason why there is no connection.
const RECENT: Duration = Duration::from_secs(10);

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
    state: Arc<State>,
    is_greeting: AtomicBool,
    greeted: Notify,
    is_suspect: AtomicBool,
}

/// What is known of a connection, also to those who hear of its events.
#[derive(Debug)]
struct State {
    /// What it is for, and the condition of its master.
    doing: Doing,
    condition: Arc<Condition>,
    /// Why there is no connection, as far as is known.
    problem: Mutex<Option<(TransportErrorKind, String)>>,
    /// What the login may do; asked on every new connection.
    abilities: AtomicU8,
    /// When that was.
    greeted: Mutex<Option<Instant>>,
}

impl State {
    /// Notes, and tells if need be, that something failed.
    fn failed(&self, error: &Error) {
        *lock(&self.problem) = Some((kind(error), text(error)));
        self.condition.failed(self.doing, &failure(error));
    }
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

impl Link {
    /// Starts to connect, in the background. Must be called on the runtime.
    pub(super) fn open(
        access: &Access,
        node: &Node,
        doing: Doing,
        condition: &Arc<Condition>,
    ) -> Result<Self, TransportError> {
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
        let state = Arc::new(State {
            doing,
            condition: Arc::clone(condition),
            problem: Mutex::default(),
            abilities: AtomicU8::new(Abilities::UNKNOWN),
            greeted: Mutex::default(),
        });
        let (seen, place) = (Arc::clone(&state), node.to_string());
        client.on_error(move |(error, connected)| {
            if connected.is_some() && is_closed(&error) {
                // Redis ends connections that are idle. Whoever was using it tells of it, and so does the next attempt.
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
            seen.condition.connected(seen.doing);
            std::future::ready(Ok(()))
        });
        let task = Mutex::new(client.connect());
        Ok(Self(Arc::new(Inner {
            client,
            node: node.clone(),
            command_timeout: access.command_timeout,
            runtime,
            task,
            state,
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
        self.0.client.is_connected() && self.knows_abilities() && !self.is_suspect()
    }

    /// Whether it does not answer, or said that it is not the right one.
    pub(super) fn is_suspect(&self) -> bool {
        self.0.is_suspect.load(Ordering::Relaxed)
    }

    /// What the login may do; everything, as long as it is not known.
    pub(super) fn abilities(&self) -> Abilities {
        Abilities::from_bits(self.0.state.abilities.load(Ordering::Relaxed))
    }

    fn knows_abilities(&self) -> bool {
        self.0.state.abilities.load(Ordering::Relaxed) != Abilities::UNKNOWN
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
        while !self.knows_abilities() {
            let greeted = self.0.greeted.notified();
            tokio::pin!(greeted);
            greeted.as_mut().enable();
            self.greet();
            let is_late = tokio::time::timeout_at(deadline, greeted).await.is_err();
            if is_late || self.is_suspect() || !client.is_connected() {
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
            let state = &link.0.state;
            match link.probe().await {
                Ok(abilities) => {
                    *lock(&state.greeted) = Some(Instant::now());
                    state.abilities.store(abilities.bits(), Ordering::Relaxed);
                }
                Err(error) => {
                    link.note(&error);
                    tokio::time::sleep(state.condition.pause()).await;
                }
            }
            link.0.is_greeting.store(false, Ordering::Relaxed);
            link.0.greeted.notify_waiters();
        });
    }

    fn unreachable(&self) -> TransportError {
        let state = &self.0.state;
        let problem = lock(&state.problem).clone().or_else(|| {
            // It may be a new one, in the place of one that failed.
            let trouble = state.condition.trouble(RECENT)?;
            Some((TransportErrorKind::Transient, trouble))
        });
        let (kind, why) = problem.unwrap_or_else(|| {
            let why = "there is no connection yet".to_owned();
            (TransportErrorKind::Transient, why)
        });
        let message = format!("Redis at {} cannot be reached: {why}", self.0.node);
        TransportError::new(kind, message)
    }

    /// Runs a script on one key, which returns a number. It runs at most once.
    pub(super) async fn run(
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
                self.0.state.condition.works(self.0.state.doing);
                Ok(number.as_i64().unwrap_or(0))
            }
            Err(error) => Err(self.failed_push(error)),
        }
    }

    async fn evaluate(
        &self,
        limit: &mut Limit,
        variant: &Variant,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, Error> {
        match self.call(limit, &variant.hash, keys, arguments).await {
            // After a restart Redis does not know the script, and has not run it.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let load = vec![Value::from("LOAD"), Value::from(&*variant.text)];
                self.command("SCRIPT", load).await?;
                self.call(limit, &variant.hash, keys, arguments).await
            }
            outcome => outcome,
        }
    }

    async fn call(
        &self,
        limit: &mut Limit,
        hash: &str,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, Error> {
        let words = keys.iter().chain(arguments).cloned().map(Value::Bytes);
        let words: Vec<Value> = [Value::from(hash), integer(keys.len())]
            .into_iter()
            .chain(words)
            .collect();
        let command = CustomCommand::new_static("EVALSHA", ClusterHash::Offset(2), false);
        let answer = self.0.client.custom(command, words);
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

    /// Tells of a failure, and draws conclusions about the connection from it.
    fn note(&self, error: &Error) {
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
        let message = format!("Redis at {} did not take a message", self.0.node);
        let is_lacking = ability::is_lacking(&error);
        let failed = |error: Error| {
            TransportError::new(kind(&error), message).with_source(failure::explained(&error))
        };
        // What the login may do has changed: it is asked again, and other commands may do. If it was asked since, not.
        let greeted = *lock(&self.0.state.greeted);
        let is_asked = since.is_some_and(|since| greeted.is_some_and(|greeted| greeted > since));
        if is_lacking && !is_asked {
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
            // It is being closed; what else there is to tell went to the log.
            let _ = tokio::time::timeout(GOODBYE, client.quit()).await;
            // Without a connection there is nothing to quit, and it would go on trying.
            task.abort();
        });
    }
}

/// The hash by which Redis knows a script.
pub(super) fn sha1(text: &str) -> String {
    fred::util::sha1_hash(text)
}

fn integer(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slot of a cluster that a key is in.
pub(super) fn key_slot(key: &str) -> u16 {
    fred::util::redis_keyslot(key.as_bytes())
}
