//! The masters of a connection, one by one: for tools that look at all queues, whoever they belong to.
//!
//! [`RedisKeys`](super::RedisKeys) are about keys whose names are known. A tool that has to find the names, or asks for the
//! state of Redis itself, asks each master.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::backend::{Link, Monitor, Node, masters};
use super::connection::RedisConnection;
use super::master::MasterConnection;
use super::settings::{RedisMode, bounded};
use super::value::RedisValue;

/// One master. Clones are the same.
#[derive(Clone)]
pub struct RedisMaster {
    connection: RedisConnection,
    master: Arc<MasterConnection>,
}

/// All commands that a master runs, as it tells them itself.
#[derive(Debug)]
pub struct RedisMonitor(Monitor);

impl RedisMonitor {
    /// Waits for the next command, in the words of MONITOR; `None` when the connection has ended. Giving up loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await
    }
}

impl RedisConnection {
    /// All masters: those of the ring in its order, or those of the cluster. For the crates of the framework, and not for
    /// services.
    ///
    /// # Errors
    /// The masters are unknown, as no sentinel or no node answers in time.
    #[doc(hidden)]
    pub async fn masters(&self) -> Result<Vec<RedisMaster>, TransportError> {
        let deadline = Instant::now() + bounded(self.settings().command_timeout);
        let ring = self.ring_until(deadline).await?;
        let wrapped = |master| RedisMaster {
            connection: self.clone(),
            master,
        };
        let of_ring = ring.request_masters("");
        if self.settings().mode != RedisMode::Cluster {
            return Ok(of_ring.into_iter().map(wrapped).collect());
        }
        let Some(any) = of_ring.into_iter().next().map(wrapped) else {
            return Ok(Vec::new());
        };
        let ranges = any.ask("CLUSTER", &["SLOTS"]).await?.into_list();
        let mut nodes = BTreeSet::new();
        let mut masters = Vec::new();
        for range in ranges {
            let mut range = range.into_list().into_iter();
            let first = range.next().and_then(|slot| slot.as_integer());
            let node = range.nth(1).map(RedisValue::into_list).unwrap_or_default();
            let node = node.get(2).cloned().and_then(RedisValue::into_bytes);
            let slot = first.and_then(|slot| u16::try_from(slot).ok());
            if let (Some(slot), Some(node)) = (slot, node)
                && nodes.insert(node)
            {
                masters.extend(ring.master_of_slot(slot).map(wrapped));
            }
        }
        Ok(masters)
    }
}

/// The answer of one sentinel.
#[derive(Clone, Debug)]
pub struct RedisSentinel {
    /// Its address.
    pub name: String,
    /// Masters that it watches, each with its name and true if it is up, as far as the sentinel knows; or the reason why it did
    /// not tell.
    pub told: Result<Vec<(String, bool)>, String>,
}

impl RedisConnection {
    /// Asks each sentinel for the masters that it watches. Empty without sentinels.
    #[doc(hidden)]
    pub async fn sentinels(&self) -> Vec<RedisSentinel> {
        let Some(access) = self.sentinel_access() else {
            return Vec::new();
        };
        let hosts = self.settings().hosts.iter().cloned();
        let asked = hosts.map(|(host, port)| async move {
            let node = Node { host, port };
            let told = masters(access, &node).await;
            RedisSentinel {
                name: node.to_string(),
                told: told.map(|masters| {
                    let masters = masters.into_iter();
                    masters.map(|master| (master.name, master.is_up)).collect()
                }),
            }
        });
        futures_util::future::join_all(asked).await
    }
}

impl RedisMaster {
    /// The name of the master, as the log has it.
    pub fn name(&self) -> String {
        self.master.name()
    }

    /// Waits until this master can be reached, for as long as `connect_timeout`.
    ///
    /// # Errors
    /// It cannot be reached, or refuses the login.
    pub async fn ready(&self) -> Result<(), TransportError> {
        let deadline = Instant::now() + bounded(self.connection.settings().connect_timeout);
        let ready = self.master.ready(deadline, None).await;
        ready.map(drop).map_err(|unready| unready.error)
    }

    /// Runs a command with at least one argument, at most once.
    ///
    /// # Errors
    /// Redis cannot be reached or does not answer in time ([`TransportErrorKind::Transient`]), or the login lacks the
    /// command or the key ([`TransportErrorKind::Misconfigured`]).
    pub async fn ask(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<RedisValue, TransportError> {
        let Some((first, others)) = arguments.split_first() else {
            let message = format!("{command} needs an argument");
            return Err(TransportError::new(
                TransportErrorKind::Misconfigured,
                message,
            ));
        };
        let others = others.iter();
        let others = others.map(|text| Bytes::copy_from_slice(text.as_bytes()));
        self.send(command, first, &others.collect::<Vec<_>>()).await
    }

    /// Runs a script on keys of this master, at most once.
    ///
    /// # Errors
    /// See [`ask`](Self::ask). The error of the script itself is the source of the error.
    pub async fn evaluate(
        &self,
        script: &str,
        keys: &[&str],
        argument: Bytes,
    ) -> Result<RedisValue, TransportError> {
        let count = keys.len().to_string();
        let keys = keys.iter();
        let keys = keys.map(|key| Bytes::copy_from_slice(key.as_bytes()));
        let arguments = std::iter::once(Bytes::from(count)).chain(keys);
        let arguments: Vec<Bytes> = arguments.chain([argument]).collect();
        self.send("EVAL", script, &arguments).await
    }

    /// Has this master tell all commands that it runs from now on. This costs it much of what it can do: each command of
    /// anybody is written a second time.
    ///
    /// # Errors
    /// See [`ask`](Self::ask). Over TLS it is not supported ([`TransportErrorKind::Misconfigured`]).
    pub async fn monitor(&self) -> Result<RedisMonitor, TransportError> {
        let link = self.link().await?;
        self.master.monitor(&link).await.map(RedisMonitor)
    }

    async fn link(&self) -> Result<Link, TransportError> {
        let deadline = Instant::now() + bounded(self.connection.settings().command_timeout);
        let ready = self.master.ready(deadline, self.connection.retries()).await;
        ready.map_err(|unready| unready.error)
    }

    async fn send(
        &self,
        command: &'static str,
        first: &str,
        others: &[Bytes],
    ) -> Result<RedisValue, TransportError> {
        let link = self.link().await?;
        let answer = link.ask(command, first, others).await;
        answer.map_err(|failed| failed.error)
    }
}

impl fmt::Debug for RedisMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisMaster").field(&self.name()).finish()
    }
}
