//! Sessions in Redis: a plain key for each, which Redis drops when its time is over.

use std::time::Duration;

use bytes::Bytes;
use soa_runtime::middleware::{SessionError, SessionStore};
use soa_runtime::{BoxFuture, Name};

use crate::connection::RedisConnection;
use crate::keys::RedisKeys;

/// Sessions in Redis, which all processes of a service see, and which outlive them. They use the connections of the transport.
///
/// The keys are `{pysoa:service.NAME}.session.HASH`, where the hash is the SHA-256 of the token. The login of Redis needs
/// `GET`, `SET` and `DEL` for them. Services with the same name here share their sessions.
#[derive(Debug)]
pub struct RedisSessions {
    keys: RedisKeys,
    service: Name,
}

impl RedisSessions {
    /// Returns the sessions of a service. Nothing is connected yet.
    pub fn new(redis: &RedisConnection, service: impl Into<Name>) -> Self {
        Self {
            keys: redis.keys(),
            service: service.into(),
        }
    }

    /// The braces are those of a slot: all keys of a service are on the master of its queue.
    fn key(&self, id: &str) -> String {
        format!("{{pysoa:service.{}}}.session.{id}", self.service)
    }
}

impl SessionStore for RedisSessions {
    fn load(&self, id: &str) -> BoxFuture<Result<Option<Bytes>, SessionError>> {
        let (keys, key) = (self.keys.clone(), self.key(id));
        Box::pin(async move { keys.get(&key).await.map_err(SessionError::new) })
    }

    fn save(
        &self,
        id: &str,
        session: Bytes,
        expiry: Duration,
    ) -> BoxFuture<Result<(), SessionError>> {
        let (keys, key) = (self.keys.clone(), self.key(id));
        Box::pin(async move {
            let saved = keys.set(&key, session, Some(expiry)).await;
            saved.map_err(SessionError::new)
        })
    }

    fn remove(&self, id: &str) -> BoxFuture<Result<bool, SessionError>> {
        let (keys, key) = (self.keys.clone(), self.key(id));
        Box::pin(async move { keys.delete(&key).await.map_err(SessionError::new) })
    }
}
