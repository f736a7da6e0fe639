//! The connection that several transports of a process share.

use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use soa_runtime::{BuildError, TransportError, TransportErrorKind};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::backend::Access;
use super::condition::{Condition, Failure, Purpose};
use super::ring::{Accesses, Ring};
use super::scripts::PushScripts;
use super::settings::{RedisMode, RedisSettings};

/// A Redis, or several, that several transports use together. Clones are the same connection.
///
/// To each master it has one connection for commands and one for the answers to calls, made when they are first needed,
/// on the tokio runtime of whoever needs them, and closed when the last transport is gone. A server transport has
/// one more, for its blocking pops. If that runtime ends, calls that wait fail at once, and the next use makes new
/// connections on its own runtime.
///
/// ```
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
    shared: Arc<ConnectionShared>,
}

/// The state that all clones share.
#[derive(Debug)]
struct ConnectionShared {
    settings: RedisSettings,
    accesses: Accesses,
    pushes: Arc<PushScripts>,
    /// The ring, and the search for it. Replaced when the runtime of the ring has ended.
    ring: Mutex<Arc<OnceCell<Arc<Ring>>>>,
    /// The condition of the sentinels that report the masters.
    sentinels: Condition,
    /// The reason why the masters are unknown, and the time of the next query.
    unknown: Mutex<Option<(String, Instant)>>,
    /// Done when the log has told that the login lacks plain keys.
    lacks_keys: Once,
}

impl RedisConnection {
    /// A connection that is made when it is first needed.
    ///
    /// ```
    /// use soa::{RedisConnection, RedisSettings};
    ///
    /// // Nothing is connected yet, so this works before Redis does.
    /// let redis = RedisConnection::new(RedisSettings::new("redis.internal", 6379))?;
    /// let no_hosts = RedisConnection::new(RedisSettings::ring::<String>([]));
    /// assert!(no_hosts.is_err());
    /// # Ok::<(), soa::BuildError>(())
    /// ```
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
        Ok(Self {
            shared: Arc::new(ConnectionShared {
                accesses,
                pushes: Arc::new(PushScripts::new()),
                ring: Mutex::default(),
                sentinels: Condition::new("the sentinels"),
                unknown: Mutex::default(),
                lacks_keys: Once::new(),
                settings,
            }),
        })
    }

    /// Connects now, and waits for it for as long as `connect_timeout`.
    ///
    /// ```no_run
    /// use soa::{RedisConnection, RedisSettings};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let settings: RedisSettings = "redis://redis.internal".parse()?;
    /// let redis = RedisConnection::connect(settings).await?;
    /// println!("connected to {}", redis.settings().addresses());
    /// # Ok(()) }
    /// ```
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

    /// Logs once that the login may not use keys of components and services, and the line that adds them.
    pub(super) fn warn_of_missing_keys(&self, key: &str) {
        self.shared.lacks_keys.call_once(|| {
            let user = self.settings().username.as_deref().unwrap_or("default");
            tracing::warn!(
                redis = self.settings().addresses(),
                key,
                "this login may not use keys of components and services; to add them: ACL SETUSER {user} ~{{pysoa:*"
            );
        });
    }

    /// The settings.
    pub fn settings(&self) -> &RedisSettings {
        &self.shared.settings
    }

    /// Describes the failure of a Redis, if one has failed lately and does not work again: for health checks. A Redis that
    /// has refused commands works again when it has refused none for some seconds.
    ///
    /// ```
    /// use soa::health::{Health, HealthCheck};
    /// use soa::{Context, RedisConnection, RedisSettings, Server};
    ///
    /// let redis = RedisConnection::new(RedisSettings::default())?;
    /// let checked = redis.clone();
    /// let check = HealthCheck::new("redis", move |_: Context| {
    ///     std::future::ready(match checked.outage() {
    ///         Some(text) => Health::warning("REDIS_FAILS", text),
    ///         None => Health::ok(),
    ///     })
    /// });
    /// let server = Server::untyped("tools", "1.0.0").health_check(check).build()?;
    /// assert_eq!(redis.outage(), None);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn outage(&self) -> Option<String> {
        let ring = self.known_ring().and_then(|ring| ring.outage());
        ring.or_else(|| self.shared.sentinels.outage())
    }

    /// Waits until all masters of a service can be reached.
    pub(super) async fn ready(&self, service: &str) -> Result<(), TransportError> {
        let deadline = Instant::now() + super::settings::bounded(self.settings().connect_timeout);
        for master in self.ring_until(deadline).await?.request_masters(service) {
            let ready = master.ready(deadline, None).await;
            ready.map_err(|unready| unready.error)?;
        }
        Ok(())
    }

    /// Settings of connections to the sentinels, if there are some.
    pub(super) fn sentinel_access(&self) -> Option<&Access> {
        self.shared.accesses.sentinels.as_ref()
    }

    /// The masters.
    pub(super) async fn ring(&self) -> Result<Arc<Ring>, TransportError> {
        let shared = &self.shared;
        let cell = {
            let mut cell = lock(&shared.ring);
            match cell.get() {
                Some(ring) if ring.has_ended() => *cell = Arc::default(),
                Some(ring) => return Ok(Arc::clone(ring)),
                None => {}
            }
            Arc::clone(&cell)
        };
        let find = async || {
            // A call soon after a query without a result gets the same error: a query for each call would be a storm.
            let unknown = lock(&shared.unknown).clone();
            if let Some((message, _)) = unknown.filter(|(_, until)| *until > Instant::now()) {
                return Err(TransportError::new(TransportErrorKind::Transient, message));
            }
            match Ring::find(&shared.settings, &shared.accesses).await {
                Ok(ring) => {
                    shared.sentinels.works(Purpose::FindingMaster);
                    Ok(ring)
                }
                Err(error) => {
                    let failure = Failure {
                        kind: "masters unknown".to_owned(),
                        text: error.to_string(),
                        is_disconnected: false,
                    };
                    shared.sentinels.failed(Purpose::FindingMaster, &failure);
                    let until = Instant::now() + shared.sentinels.pause();
                    *lock(&shared.unknown) = Some((failure.text, until));
                    Err(error)
                }
            }
        };
        cell.get_or_try_init(find).await.cloned()
    }

    /// The masters, if they are found until then.
    pub(super) async fn ring_until(&self, deadline: Instant) -> Result<Arc<Ring>, TransportError> {
        let ring = tokio::time::timeout_at(deadline, self.ring()).await;
        ring.unwrap_or_else(|_| {
            let message = "the sentinels did not report the masters in time";
            Err(TransportError::new(TransportErrorKind::Transient, message))
        })
    }

    /// The masters, if they are known already.
    pub(super) fn known_ring(&self) -> Option<Arc<Ring>> {
        lock(&self.shared.ring).get().cloned()
    }

    /// Pause before the masters are asked for again.
    pub(super) fn pause(&self) -> Duration {
        self.shared.sentinels.pause()
    }

    /// The last failure to find the masters within this time, or the one that still lasts.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        self.shared.sentinels.trouble(within)
    }

    /// The scripts that push.
    pub(super) fn pushes(&self) -> &Arc<PushScripts> {
        &self.shared.pushes
    }

    /// Number of further attempts of a call to find a master that is unknown.
    pub(super) fn retries(&self) -> Option<u32> {
        match &self.settings().mode {
            RedisMode::Sentinel(sentinel) => Some(sentinel.failover_retries),
            RedisMode::Standard | RedisMode::Cluster => None,
        }
    }
}

impl Drop for ConnectionShared {
    fn drop(&mut self) {
        if let Some(ring) = lock(&self.ring).get() {
            ring.close();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
