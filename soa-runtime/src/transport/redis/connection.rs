//! What several transports of one process share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::backend::Access;
use super::condition::{Condition, Doing, Failure};
use super::outbox::Pushes;
use super::ring::{Accesses, Ring};
use super::script::Script;
use super::settings::{RedisMode, RedisSettings};
use crate::error::{BuildError, TransportError, TransportErrorKind};

/// A Redis, or several, that several transports use together. Clones are the same connection.
///
/// To each master it has one connection for commands and one for the answers to calls, made when they are first needed,
/// on the runtime of whoever needs them, and closed when the last transport is gone. A server transport has
/// one more, for its blocking pops.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Client, RedisClientTransport, RedisConnection, RedisSettings};
///
/// # fn main() -> Result<(), soa::BuildError> {
/// let redis = RedisConnection::new(RedisSettings::default())?;
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
    accesses: Accesses,
    pushes: Arc<Pushes>,
    ring: OnceCell<Arc<Ring>>,
    /// Of those who know which masters there are.
    sentinels: Condition,
    /// Why that is not known, and until when nobody is asked again.
    unknown: Mutex<Option<(String, Instant)>>,
}

impl RedisConnection {
    /// A connection that is made when it is first needed.
    ///
    /// # Errors
    /// The settings cannot work; see [`RedisSettings::check`]. Or a file that they name cannot be read.
    pub fn new(settings: RedisSettings) -> Result<Self, BuildError> {
        settings.check()?;
        let sentinels = match &settings.mode {
            RedisMode::Sentinel(sentinel) => Some(Access::sentinels(&settings, sentinel)?),
            RedisMode::Standard | RedisMode::Cluster => None,
        };
        let accesses = Accesses {
            redis: Access::redis(&settings)?,
            sentinels,
        };
        let pushes = Pushes {
            some: Script::push(),
            whole: Script::push_whole(),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                accesses,
                pushes: Arc::new(pushes),
                ring: OnceCell::new(),
                sentinels: Condition::new("the sentinels"),
                unknown: Mutex::default(),
                settings,
            }),
        })
    }

    /// Connects now, and waits for it for as long as `connect_timeout`.
    ///
    /// # Errors
    /// The settings cannot work ([`TransportErrorKind::Misconfigured`]), or one of the masters cannot be reached or
    /// refuses the login.
    pub async fn connect(settings: RedisSettings) -> Result<Self, TransportError> {
        let connection = Self::new(settings).map_err(|error| {
            TransportError::new(TransportErrorKind::Misconfigured, error.to_string())
        })?;
        connection.ready("").await?;
        Ok(connection)
    }

    /// The settings.
    pub fn settings(&self) -> &RedisSettings {
        &self.shared.settings
    }

    /// Waits until everything can be reached that a service needs.
    pub(super) async fn ready(&self, service: &str) -> Result<(), TransportError> {
        let deadline = Instant::now() + super::settings::bounded(self.settings().connect_timeout);
        let ring = tokio::time::timeout_at(deadline, self.ring()).await;
        let ring = ring.unwrap_or_else(|_| {
            let message = "no sentinel told in time which masters there are";
            Err(TransportError::new(TransportErrorKind::Transient, message))
        });
        for line in ring?.request_lines(service) {
            let ready = line.ready(deadline, None).await;
            ready.map_err(|unready| unready.error)?;
        }
        Ok(())
    }

    /// The masters.
    pub(super) async fn ring(&self) -> Result<&Arc<Ring>, TransportError> {
        if let Some(ring) = self.shared.ring.get() {
            return Ok(ring);
        }
        let shared = &self.shared;
        let find = async || {
            // Whoever comes soon after a question that had no answer hears the same: each call asking would be a storm.
            let unknown = lock(&shared.unknown).clone();
            if let Some((message, _)) = unknown.filter(|(_, until)| *until > Instant::now()) {
                return Err(TransportError::new(TransportErrorKind::Transient, message));
            }
            match Ring::find(&shared.settings, &shared.accesses).await {
                Ok(ring) => {
                    shared.sentinels.works(Doing::Finding);
                    Ok(Arc::new(ring))
                }
                Err(error) => {
                    let failure = Failure {
                        state: "lost".to_owned(),
                        text: error.to_string(),
                        is_disconnected: false,
                    };
                    shared.sentinels.failed(Doing::Finding, &failure);
                    let until = Instant::now() + shared.sentinels.pause();
                    *lock(&shared.unknown) = Some((failure.text, until));
                    Err(error)
                }
            }
        };
        shared.ring.get_or_try_init(find).await
    }

    /// The masters, if they are known already.
    pub(super) fn known_ring(&self) -> Option<&Arc<Ring>> {
        self.shared.ring.get()
    }

    /// How long to wait before it is asked again who the masters are.
    pub(super) fn pause(&self) -> Duration {
        self.shared.sentinels.pause()
    }

    /// Why it was not known in this time who the masters are, or is not now.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.shared.sentinels.trouble(within)
    }

    pub(super) fn pushes(&self) -> &Arc<Pushes> {
        &self.shared.pushes
    }

    /// How often a call looks for a master again that nobody knows.
    pub(super) fn retries(&self) -> Option<u32> {
        match &self.settings().mode {
            RedisMode::Sentinel(sentinel) => Some(sentinel.failover_retries),
            RedisMode::Standard | RedisMode::Cluster => None,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.get() {
            ring.close();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
