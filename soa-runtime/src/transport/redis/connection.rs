//! What several transports of one process share.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

use super::backend::Link;
use super::reader::Reader;
use super::script::Script;
use super::settings::RedisSettings;
use crate::error::TransportError;

/// A Redis that several transports use together. Clones are the same connection.
///
/// It has one connection for commands and one for the answers to calls, both made when they are first needed,
/// on the runtime of whoever needs them, and closed when the last transport is gone. A server transport has
/// one more, for its blocking pops.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Client, RedisClientTransport, RedisConnection, RedisSettings};
///
/// # fn main() -> Result<(), soa::BuildError> {
/// let redis = RedisConnection::new(RedisSettings::default());
/// let client = Client::builder()
///     .service("users", RedisClientTransport::on(&redis, "users"))
///     .service("posts", RedisClientTransport::on(&redis, "posts"))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RedisConnection {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: RedisSettings,
    push: Arc<Script>,
    commands: Mutex<Option<Link>>,
    reader: Arc<Reader>,
}

impl RedisConnection {
    /// A connection that is made when it is first needed.
    pub fn new(settings: RedisSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                push: Arc::new(Script::push()),
                commands: Mutex::default(),
                reader: Arc::new(Reader::new(settings.clone())),
                settings,
            }),
        }
    }

    /// Connects now, and waits for it for as long as `connect_timeout`.
    ///
    /// # Errors
    /// Redis cannot be reached or refuses the login. The connection can be used all the same: it goes on
    /// trying.
    pub async fn connect(settings: RedisSettings) -> Result<Self, TransportError> {
        let connection = Self::new(settings);
        connection.ready().await?;
        Ok(connection)
    }

    /// The settings.
    pub fn settings(&self) -> &RedisSettings {
        &self.shared.settings
    }

    pub(super) async fn ready(&self) -> Result<(), TransportError> {
        let deadline = Instant::now() + self.settings().connect_timeout;
        self.commands()?.ready(deadline).await
    }

    /// The connection for commands.
    pub(super) fn commands(&self) -> Result<Link, TransportError> {
        let commands = self.shared.commands.lock();
        let mut commands = commands.unwrap_or_else(PoisonError::into_inner);
        match &*commands {
            Some(link) => Ok(link.clone()),
            None => Ok(commands.insert(Link::open(&self.shared.settings)?).clone()),
        }
    }

    pub(super) fn push_script(&self) -> &Arc<Script> {
        &self.shared.push
    }

    pub(super) fn reader(&self) -> &Arc<Reader> {
        &self.shared.reader
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let commands = self.commands.get_mut();
        if let Some(commands) = commands.unwrap_or_else(PoisonError::into_inner).take() {
            self.reader.close(commands);
        }
    }
}
