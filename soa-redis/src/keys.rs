//! Plain keys in Redis, on the connections that the transport has.
//!
//! Registries, sessions, leases and records of workers keep their data in plain keys: texts, hashes, sorted sets. They share
//! the connections of a [`RedisConnection`], and with them its login, its TLS, its time limits and its way of finding masters
//! that have moved.
//!
//! A key is on one master. In a ring this follows from the name of the key, as for reply lists, and in a cluster from its
//! slot. If the name has a `{tag}`, the tag alone decides: keys with the same tag are on the same master, in a ring as in a
//! cluster, so that one script can use them all.
//!
//! Keys that belong to a component or to a service have its name as their tag ([`component_key`], [`service_key`]). A login
//! needs the pattern `~{pysoa:*` for them, besides that of the queues.
//!
//! Each command runs at most once. It waits for a connection, and is tried again only where it was certainly not run; if its
//! outcome is unknown, the error says so.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::backend::Script;
use super::connection::RedisConnection;
use super::ring::Ring;
use super::settings::bounded;
use super::value::RedisValue;

/// Pause before a command is tried again that was not run.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Returns a key that belongs to a component: `{pysoa:component.NAME}.KEY`. All keys of a component are on one master.
pub fn component_key(component: &str, key: &str) -> String {
    format!("{{pysoa:component.{component}}}.{key}")
}

/// Returns a key that belongs to a service: `{pysoa:service.NAME}.KEY`. All keys of a service are on one master.
pub fn service_key(service: &str, key: &str) -> String {
    format!("{{pysoa:service.{service}}}.{key}")
}

/// The beginning of all keys with a tag of ours.
const TAGGED: &str = "{pysoa:";

/// Plain keys in Redis. Clones share everything.
#[derive(Clone, Debug)]
pub struct RedisKeys {
    connection: RedisConnection,
}

/// A Lua script, which Redis knows by its digest once it has run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RedisScript(Arc<Script>);

impl RedisScript {
    /// A script with this text. All keys that it uses must be among those that it is run with.
    pub fn new(text: &str) -> Self {
        Self(Arc::new(Script::new(text, text)))
    }
}

impl RedisConnection {
    /// Plain keys on this connection: for the crates of the framework, and not for services.
    #[doc(hidden)]
    pub fn keys(&self) -> RedisKeys {
        RedisKeys {
            connection: self.clone(),
        }
    }
}

impl RedisKeys {
    /// The value of a key, if it exists.
    ///
    /// # Errors
    /// As of all commands here: Redis cannot be reached or does not answer in time
    /// ([`TransportErrorKind::Transient`]), or the login lacks the command or the key, or the key holds another type
    /// ([`TransportErrorKind::Misconfigured`]).
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, TransportError> {
        Ok(self.ask("GET", key, &[]).await?.into_bytes())
    }

    /// The values of several keys with the same `{tag}`, in their order.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn get_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, TransportError> {
        let Some((first, others)) = keys.split_first() else {
            return Ok(Vec::new());
        };
        if others.iter().any(|key| Ring::tag(key) != Ring::tag(first)) {
            return Err(misuse("all keys of a command must have the same `{tag}`"));
        }
        let answers = self.ask_key("MGET", keys).await?.into_list();
        Ok(answers.into_iter().map(RedisValue::into_bytes).collect())
    }

    /// Runs a command whose first argument is a key, on the master of that key: for the crates of the framework.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    #[doc(hidden)]
    pub async fn ask_key(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<RedisValue, TransportError> {
        let Some((key, others)) = arguments.split_first() else {
            return Err(misuse("a command needs a key, which decides on its master"));
        };
        let others = others.iter();
        let others = others.map(|text| Bytes::copy_from_slice(text.as_bytes()));
        let others: Vec<Bytes> = others.collect();
        self.ask(command, key, &others).await
    }

    /// Sets the value of a key, which expires after this time, or never.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn set(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        expiry: Option<Duration>,
    ) -> Result<(), TransportError> {
        let mut arguments = vec![value.into()];
        if let Some(expiry) = expiry {
            arguments.extend([Bytes::from_static(b"PX"), millis(expiry)]);
        }
        self.ask("SET", key, &arguments).await?;
        Ok(())
    }

    /// Sets the value of a key that does not exist yet. True if it did not.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn set_if_absent(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        expiry: Duration,
    ) -> Result<bool, TransportError> {
        let [not_exists, in_millis] = [b"NX", b"PX"].map(|word| Bytes::from_static(word));
        let arguments = [value.into(), not_exists, in_millis, millis(expiry)];
        let answer = self.ask("SET", key, &arguments).await?;
        Ok(answer != RedisValue::Nil)
    }

    /// Has a key of any type expire after this time. True if it exists.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn expire(&self, key: &str, expiry: Duration) -> Result<bool, TransportError> {
        let answer = self.ask("PEXPIRE", key, &[millis(expiry)]).await?;
        Ok(answer == RedisValue::Integer(1))
    }

    /// Deletes a key of any type. True if it existed.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn delete(&self, key: &str) -> Result<bool, TransportError> {
        let answer = self.ask("DEL", key, &[]).await?;
        Ok(answer == RedisValue::Integer(1))
    }

    /// Sets fields of a hash.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn hash_set<F: Into<Bytes>, V: Into<Bytes>>(
        &self,
        key: &str,
        fields: impl IntoIterator<Item = (F, V)>,
    ) -> Result<(), TransportError> {
        let fields = fields.into_iter();
        let arguments: Vec<Bytes> = fields
            .flat_map(|(field, value)| [field.into(), value.into()])
            .collect();
        if arguments.is_empty() {
            return Ok(());
        }
        self.ask("HSET", key, &arguments).await?;
        Ok(())
    }

    /// All fields of a hash with their values; none if it does not exist.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn hash_get_all(&self, key: &str) -> Result<Vec<(Bytes, Bytes)>, TransportError> {
        Ok(pairs(self.ask("HGETALL", key, &[]).await?))
    }

    /// Deletes a field of a hash. True if it existed.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn hash_delete(
        &self,
        key: &str,
        field: impl Into<Bytes>,
    ) -> Result<bool, TransportError> {
        let answer = self.ask("HDEL", key, &[field.into()]).await?;
        Ok(answer == RedisValue::Integer(1))
    }

    /// Adds a member to a sorted set, or changes its score. True if it is new.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn sorted_set_add(
        &self,
        key: &str,
        score: f64,
        member: impl Into<Bytes>,
    ) -> Result<bool, TransportError> {
        let arguments = [score.to_string().into(), member.into()];
        let answer = self.ask("ZADD", key, &arguments).await?;
        Ok(answer == RedisValue::Integer(1))
    }

    /// The first members of a sorted set with scores in a range, by their scores, at most `count`.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn sorted_set_range(
        &self,
        key: &str,
        scores: RangeInclusive<f64>,
        count: usize,
    ) -> Result<Vec<(Bytes, f64)>, TransportError> {
        let arguments = [
            scores.start().to_string().into(),
            scores.end().to_string().into(),
            Bytes::from_static(b"WITHSCORES"),
            Bytes::from_static(b"LIMIT"),
            Bytes::from_static(b"0"),
            count.to_string().into(),
        ];
        let answer = self.ask("ZRANGEBYSCORE", key, &arguments).await?;
        let members = pairs(answer).into_iter().map(|(member, score)| {
            let score = std::str::from_utf8(&score).ok()?.parse().ok()?;
            Some((member, score))
        });
        members.collect::<Option<_>>().ok_or_else(|| {
            let message = format!("Redis gave a score of `{key}` that is not a number");
            TransportError::new(TransportErrorKind::InvalidMessage, message)
        })
    }

    /// Removes a member from a sorted set. True if it was in it.
    ///
    /// # Errors
    /// See [`get`](Self::get).
    pub async fn sorted_set_remove(
        &self,
        key: &str,
        member: impl Into<Bytes>,
    ) -> Result<bool, TransportError> {
        let answer = self.ask("ZREM", key, &[member.into()]).await?;
        Ok(answer == RedisValue::Integer(1))
    }

    /// Runs a script on keys that are all on the same master: at least one, and of several, all with the same `{tag}`. A
    /// Redis that does not know the script gets its text.
    ///
    /// # Errors
    /// See [`get`](Self::get). The error of the script itself is the source of the error.
    pub async fn run_script(
        &self,
        script: &RedisScript,
        keys: &[&str],
        arguments: &[Bytes],
    ) -> Result<RedisValue, TransportError> {
        let Some(first) = keys.first() else {
            return Err(misuse("a script needs a key, which decides on its master"));
        };
        if keys.iter().any(|key| Ring::tag(key) != Ring::tag(first)) {
            return Err(misuse("all keys of a script must have the same `{tag}`"));
        }
        let work = Work::Script(&script.0, keys);
        self.on_master(first, work, arguments).await
    }

    async fn ask(
        &self,
        command: &'static str,
        key: &str,
        arguments: &[Bytes],
    ) -> Result<RedisValue, TransportError> {
        self.on_master(key, Work::Command(command), arguments).await
    }

    /// Runs a command on the master of a key, and again on its successor if the first is not the master any more.
    async fn on_master(
        &self,
        key: &str,
        work: Work<'_>,
        arguments: &[Bytes],
    ) -> Result<RedisValue, TransportError> {
        let limit = bounded(self.connection.settings().command_timeout);
        let deadline = Instant::now() + limit;
        let ring = self.connection.ring_until(deadline).await?;
        let master = ring.master_of_key(key);
        loop {
            let ready = master.ready(deadline, self.connection.retries()).await;
            let link = ready.map_err(|unready| unready.error)?;
            let outcome = match work {
                Work::Command(command) => link.ask(command, key, arguments).await,
                Work::Script(script, keys) => link.ask_script(script, keys, arguments).await,
            };
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(failed) if failed.is_retryable && Instant::now() + RETRY_PAUSE < deadline => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(failed) => {
                    if key.starts_with(TAGGED) && lacks_keys(&failed.error) {
                        self.connection.warn_of_missing_keys(key);
                    }
                    return Err(failed.error);
                }
            }
        }
    }
}

/// True if the login may not use the key, whatever the command.
pub(super) fn lacks_keys(error: &TransportError) -> bool {
    error.kind() == TransportErrorKind::Misconfigured
        && error.to_string().contains("may not use the key")
}

/// A command, or a script with all of its keys.
#[derive(Clone, Copy)]
enum Work<'a> {
    Command(&'static str),
    Script(&'a Script, &'a [&'a str]),
}

/// Pairs of the answers of a list.
fn pairs(answer: RedisValue) -> Vec<(Bytes, Bytes)> {
    let mut answers = answer.into_list().into_iter();
    let mut pairs = Vec::with_capacity(answers.len() / 2);
    while let (Some(first), Some(second)) = (answers.next(), answers.next()) {
        pairs.extend(first.into_bytes().zip(second.into_bytes()));
    }
    pairs
}

/// A time as an argument in milliseconds, at least one.
fn millis(time: Duration) -> Bytes {
    bounded(time).as_millis().to_string().into()
}

fn misuse(message: &str) -> TransportError {
    TransportError::new(TransportErrorKind::Misconfigured, message)
}
