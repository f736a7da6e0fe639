//! The client library, and all that is known about its ways. Nothing outside this module names it.
//!
//! A [`Link`] is one connection to Redis that reconnects by itself, with back-off. Pushes and pops have a
//! link each, since a blocking pop stops everything behind it. Three habits of the library are undone here:
//!
//! * it sends a command again whose outcome it does not know: one attempt only, so nothing is pushed twice;
//! * a command that waits for its answer while the connection is lost ends only after the next connect: every
//!   command has a limit of its own;
//! * its own script commands hold up all that is sent after them: scripts go through its generic command.
//!
//! A pop must not be dropped while it waits: Redis would hand the next message to nobody. Only
//! [`Link::unblock`], from another link, ends one early.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientInterface, ClientLike, EventInterface, KeysInterface};
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, ServerConfig, TcpConfig,
};
use fred::types::{ClientUnblockFlag, ClusterHash, ConnectHandle, CustomCommand, Value};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep};

use super::script::Script;
use super::settings::RedisSettings;
use crate::error::{TransportError, TransportErrorKind};

/// Small frames are copied out of the read buffer, which would otherwise live as long as the last of them.
const COPIED: usize = 64 * 1024;

/// How much longer than it asked for a pop may take before its connection counts as stuck.
const STUCK: Duration = Duration::from_secs(5);

/// Shortest and longest pause between two attempts to connect, in milliseconds.
const RECONNECT: (u32, u32) = (20, 2_000);

/// One connection to Redis. Clones are the same connection; it closes with the last of them.
#[derive(Clone, Debug)]
pub(super) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    address: String,
    command_timeout: Duration,
    runtime: Handle,
    task: Mutex<ConnectHandle>,
    /// Why there is no connection, as far as is known.
    problem: Arc<Mutex<Option<String>>>,
    has_blmpop: AtomicBool,
}

/// How long each of a row of commands may take.
///
/// It is one timer, put off from one command to the next. A timer for each would be set, and taken back, for
/// nothing, and whenever it is the next to end the runtime is interrupted by a system call.
#[derive(Debug)]
pub(super) struct Limit {
    timer: Pin<Box<Sleep>>,
    length: Duration,
}

impl Limit {
    fn new(length: Duration) -> Self {
        Self {
            timer: Box::pin(tokio::time::sleep(length)),
            length,
        }
    }

    /// The outcome of a command, if it comes in time.
    async fn keep<T>(&mut self, command: impl Future<Output = T>) -> Option<T> {
        self.timer.as_mut().reset(Instant::now() + self.length);
        tokio::select! {
            biased;
            outcome = command => Some(outcome),
            () = &mut self.timer => None,
        }
    }

    /// Ends when the last command's time would be over.
    pub(super) async fn elapsed(&mut self) {
        self.timer.as_mut().await;
    }
}

/// Why a push failed.
#[derive(Debug)]
pub(super) enum PushError {
    /// Nothing was pushed.
    Refused(TransportError),
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
    pub(super) fn open(settings: &RedisSettings) -> Result<Self, TransportError> {
        let Ok(runtime) = Handle::try_current() else {
            let message = "the Redis transport needs a tokio runtime";
            return Err(TransportError::new(
                TransportErrorKind::Misconfigured,
                message,
            ));
        };
        let config = Config {
            fail_fast: false,
            username: settings.username.clone(),
            password: settings.password.clone(),
            database: Some(settings.database),
            server: ServerConfig::new_centralized(settings.host.as_str(), settings.port),
            ..Config::default()
        };
        let connection = ConnectionConfig {
            connection_timeout: settings.connect_timeout,
            internal_command_timeout: settings.connect_timeout,
            max_command_attempts: 1,
            reconnect_on_auth_error: true,
            tcp: TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            },
            ..ConnectionConfig::default()
        };
        let mut policy = ReconnectPolicy::new_exponential(0, RECONNECT.0, RECONNECT.1, 2);
        policy.set_jitter(RECONNECT.0);
        let performance = PerformanceConfig::default();
        let client = Client::new(config, Some(performance), Some(connection), Some(policy));
        let address = settings.address();
        let problem = Arc::new(Mutex::new(None));
        let (seen, place) = (Arc::clone(&problem), address.clone());
        client.on_error(move |(error, _)| {
            tracing::warn!(redis = place, %error, "the connection to Redis failed");
            *lock(&seen) = Some(error.to_string());
            std::future::ready(Ok(()))
        });
        let task = Mutex::new(client.connect());
        Ok(Self(Arc::new(Inner {
            client,
            address,
            command_timeout: settings.command_timeout,
            runtime,
            task,
            problem,
            has_blmpop: AtomicBool::new(true),
        })))
    }

    /// The runtime that the connection lives on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Whether there is a connection.
    pub(super) fn is_ready(&self) -> bool {
        self.0.client.is_connected()
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
        Ok(())
    }

    fn unreachable(&self) -> TransportError {
        let problem = lock(&self.0.problem);
        let why = problem.as_deref().unwrap_or("there is no connection yet");
        let message = format!("Redis at {} cannot be reached: {why}", self.0.address);
        TransportError::new(TransportErrorKind::Transient, message)
    }

    /// The limit of scripts.
    pub(super) fn command_limit(&self) -> Limit {
        Limit::new(self.0.command_timeout)
    }

    /// The limit of pops that wait for so long.
    pub(super) fn pop_limit(block: Duration) -> Limit {
        Limit::new(block + STUCK)
    }

    /// Runs a script on one key. It runs at most once.
    pub(super) async fn run(
        &self,
        limit: &mut Limit,
        script: &Script,
        key: &str,
        arguments: Vec<Bytes>,
    ) -> Result<i64, PushError> {
        let first = limit.keep(self.evaluate("EVALSHA", &script.hash, key, &arguments));
        let outcome = match first.await {
            // After a restart Redis does not know the script, and has not run it.
            Some(Err(error)) if error.details().starts_with("NOSCRIPT") => {
                let again = self.evaluate("EVAL", script.text, key, &arguments);
                limit.keep(again).await
            }
            outcome => outcome,
        };
        let late = || Err(Error::new(ErrorKind::Timeout, "the command timed out"));
        let outcome = outcome.unwrap_or_else(late);
        outcome.map_err(|error| self.failed_push(error))
    }

    async fn evaluate(
        &self,
        command: &'static str,
        script: &str,
        key: &str,
        arguments: &[Bytes],
    ) -> Result<i64, Error> {
        let head = [Value::from(script), Value::from(1), Value::from(key)];
        let arguments: Vec<Value> = head
            .into_iter()
            .chain(arguments.iter().cloned().map(Value::Bytes))
            .collect();
        let command = CustomCommand::new_static(command, ClusterHash::Offset(2), false);
        self.0.client.custom(command, arguments).await
    }

    fn failed_push(&self, error: Error) -> PushError {
        let message = format!("Redis at {} did not take a message", self.0.address);
        let failed = |source| {
            TransportError::new(TransportErrorKind::Transient, message).with_source(source)
        };
        if is_answer(&error) {
            PushError::Refused(failed(error))
        } else {
            PushError::Unknown(failed(error))
        }
    }

    /// Takes up to `count` messages from the first of these lists that has some, waiting for up to `block`.
    ///
    /// To be awaited to its end: dropping it loses a message.
    pub(super) async fn pop(
        &self,
        limit: &mut Limit,
        keys: &[Arc<str>],
        count: usize,
        block: Duration,
    ) -> Result<Option<Popped>, TransportError> {
        let has_blmpop = self.0.has_blmpop.load(Ordering::Relaxed);
        let pop = async {
            if has_blmpop {
                self.pop_many(keys, count, block).await
            } else {
                self.pop_first(keys, count, block).await
            }
        };
        let Some(outcome) = limit.keep(pop).await else {
            tracing::warn!(redis = self.0.address, "a pop is stuck; connecting again");
            let again = self.0.client.force_reconnection();
            let _ = tokio::time::timeout(STUCK, again).await;
            return Ok(None);
        };
        match outcome {
            Ok(popped) => Ok(popped),
            // So the library tells that there was nothing.
            Err(error) if *error.kind() == ErrorKind::Timeout => Ok(None),
            Err(error) if error.details().starts_with("UNBLOCKED") => Ok(None),
            Err(error) if has_blmpop && lacks_blmpop(&error) => {
                tracing::info!(redis = self.0.address, "no BLMPOP here; using BLPOP");
                self.0.has_blmpop.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => {
                let message = format!("popping from Redis at {} failed", self.0.address);
                let failed = TransportError::new(TransportErrorKind::Transient, message);
                Err(failed.with_source(error))
            }
        }
    }

    async fn pop_many(
        &self,
        keys: &[Arc<str>],
        count: usize,
        block: Duration,
    ) -> Result<Option<Popped>, Error> {
        let mut arguments = vec![Value::from(block.as_secs_f64()), integer(keys.len())];
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
    ) -> Result<Option<Popped>, Error> {
        let mut arguments: Vec<Value> = keys.iter().map(|key| Value::from(&**key)).collect();
        arguments.push(Value::from(block.as_secs_f64()));
        let command = CustomCommand::new_static("BLPOP", ClusterHash::FirstKey, true);
        let Value::Array(answer) = self.0.client.custom(command, arguments).await? else {
            return Ok(None);
        };
        let mut answer = answer.into_iter();
        let Some(key) = answer.next().and_then(bytes) else {
            return Ok(None);
        };
        let mut frames: Vec<Bytes> = answer.filter_map(frame).collect();
        if count > 1 {
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

    /// Deletes a list.
    pub(super) async fn delete(&self, key: &str) {
        let delete = self.0.client.del::<i64, _>(key);
        // Lists expire anyway.
        let _ = tokio::time::timeout(self.0.command_timeout, delete).await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let client = self.client.clone();
        self.runtime.spawn(async move {
            // It is being closed; what else there is to tell went to the log.
            let _ = tokio::time::timeout(STUCK, client.quit()).await;
        });
    }
}

/// The hash by which Redis knows a script.
pub(super) fn sha1(text: &str) -> String {
    fred::util::sha1_hash(text)
}

/// Whether Redis itself said this: its errors begin with a word in capitals.
fn is_answer(error: &Error) -> bool {
    let word = error.details().split(' ').next().unwrap_or_default();
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn lacks_blmpop(error: &Error) -> bool {
    let text = error.details();
    text.contains("unknown command") || text.starts_with("NOPERM")
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
