//! Settings of the transport over Redis: the hosts, the login, and the limits of queues.
//!
//! [`RedisSettings`] are plain data. They are made by default, from a text ([`address`]), from a file of settings, or field
//! by field. A connection checks them when it is made, so whoever has a connection has settings that can work.
//!
//! In a file, the settings of sentinels stand beside the mode, and the key of a certificate beside the certificate, while
//! the fields hold each pair in one value. A private field takes the second of a pair while settings are read, and is empty
//! from then on.

mod address;
mod check;
mod credentials;
mod host;
mod sentinel;
mod tls;

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

pub(super) use credentials::CredentialSource;
pub use credentials::RedisCredentials;
pub(super) use host::shown;
pub use sentinel::SentinelSettings;
use tls::HAS_TLS;
pub use tls::TlsSettings;
pub(super) use tls::without_tls;

use super::lease_time::LeaseTime;

use soa_runtime::BuildError;
use soa_wire::period::{self, Period};
use soa_wire::secret::Secret;

/// Largest response by default.
pub(super) const RESPONSE_SIZE: usize = 256_000;

/// Settings of the transport over Redis: its hosts, the login, and the limits of queues. The defaults are those of the
/// reference. `Debug` shows no passwords.
///
/// Made from `host:port` or a `redis://` URL, and changed by the methods:
///
/// ```
/// use std::time::Duration;
/// use soa::RedisSettings;
///
/// let settings: RedisSettings = "redis://worker:secret@redis.internal:6380/2".parse()?;
/// let settings = settings.receive_timeout(Duration::from_secs(30));
/// assert_eq!((settings.addresses(), settings.database), ("redis.internal:6380".to_owned(), 2));
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields, default)]
#[schemars(
    rename = "Redis",
    description = "Over Redis. Clients and servers must agree on mode, hosts and database."
)]
#[non_exhaustive]
pub struct RedisSettings {
    /// Arrangement of the hosts: `standard` for masters that know nothing of each other and form a ring, `sentinel` for
    /// sentinels that watch the masters, `cluster` for nodes of one Redis Cluster.
    #[serde(serialize_with = "RedisMode::serialize_name")]
    pub mode: RedisMode,
    /// Host names or addresses, each with its port, in the order of the ring. In files of settings, `HOST:PORT`; the port is
    /// 6379 by default, and 26379 for sentinels.
    #[serde(with = "host")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub hosts: Vec<(String, u16)>,
    /// Settings of the sentinels, with `mode = "sentinel"`.
    sentinel: Option<SentinelSettings>,
    /// Number of the database; always 0 in a cluster.
    pub database: u8,
    /// Name of the ACL user; the default user if it is not set.
    pub username: Option<String>,
    /// Password; none by default.
    #[schemars(with = "Option<Secret>")]
    pub password: Option<String>,
    /// File with the password, in the place of `password`; none by default. It is read again for each new connection, and
    /// after a login was refused. A line break at its end is not part of the password.
    #[serde(deserialize_with = "tls::readable")]
    pub password_file: Option<PathBuf>,
    /// The callback that gives the login.
    #[serde(skip)]
    pub(super) credentials: Option<CredentialSource>,
    /// TLS towards Redis. It is off without this table, and on with an empty one. Needs the feature `tls` of the crate `soa`.
    pub tls: Option<TlsSettings>,
    /// Time limit of one attempt to connect; 5 s by default.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period", extend("x-minimum" = "1ms"))]
    pub connect_timeout: Duration,
    /// True, the default, if the system probes silent connections (`SO_KEEPALIVE`, at its own intervals).
    pub keep_alive: bool,
    /// Time limit of a command, after which its outcome counts as unknown; 5 s by default.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period", extend("x-minimum" = "1ms"))]
    pub command_timeout: Duration,
    /// Largest number of messages in a queue; 10,000 by default. It may be exceeded by what senders have in flight that found it
    /// less than half full a moment before.
    #[schemars(range(min = 1))]
    pub queue_capacity: usize,
    /// Number of further attempts to push a message to a full queue; 10 by default.
    pub queue_full_retries: u32,
    /// Time limit of calls without a timeout of their own; 5 s by default.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period", extend("x-minimum" = "1ms"))]
    pub receive_timeout: Duration,
    /// Time for which callers are taken to wait that do not tell it, by default `receive_timeout`. A server refuses their
    /// requests when they have waited in the queue for about as long, since nobody would take the response.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub assumed_timeout: Option<Period>,
    /// Age of the queue of a service above which calls fail at once, as far as its servers tell the age; never by default.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub max_queue_age: Option<Period>,
    /// Time after which an unread message expires, in whole seconds; 60 s by default. A call with a timeout uses that
    /// instead.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period", extend("x-minimum" = "1s"))]
    pub message_expiry: Duration,
    /// Largest payload of a request or response, in bytes; 0 for any size. By default 102,400 for requests and 256,000 for
    /// responses.
    pub maximum_message_size: Option<usize>,
    /// Payload size, in bytes, above which messages are logged; 102,400 by default, 0 for none.
    pub log_messages_larger_than: usize,
    /// Payload size, in bytes, above which responses are sent in chunks of this size; never by default.
    /// `maximum_message_size` must be at least five times as large. Clients of protocol versions before 3 get
    /// `RESPONSE_TOO_LARGE` instead.
    #[schemars(range(min = 102_400))]
    pub chunk_messages_larger_than: Option<usize>,
    /// True if each call has a reply list of its own from the start; false by default. It is for services of PySOA that send
    /// responses in chunks, which do not tell their call. Without it, the first chunk has the same effect.
    pub expects_chunked_replies: bool,
    /// Size of the large answers, in bytes, that a client has taken from Redis and that its callers have not taken yet, above
    /// which it takes further ones slowly; 64 MiB by default. Answers count from 64 KiB on.
    #[schemars(range(min = 1))]
    pub reply_memory: usize,
    /// Number of replicas that have to know of a request before it runs, if it must not run twice and its service holds
    /// requests; 0 by default. It costs a round trip to the replicas. After a second without them, requests run all the same.
    pub wait_replicas: u32,
    /// Time without a sign of life after which other servers give the process up for dead and run what it holds; 10 s by
    /// default. It gives ten in that time, and at least one a second. A server gives nobody up sooner than after its own
    /// time.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period", extend("x-minimum" = "1s"))]
    pub lease: Duration,
    /// The same if its connection to Redis is gone; 3 s by default. It is the time of at least three signs of life, and less
    /// than `lease`.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period", extend("x-minimum" = "300ms"))]
    pub gone_after: Duration,
    /// Time limit of one blocking pop inside Redis; 5 s by default. Nothing is missed between two of them.
    #[serde(with = "period::duration")]
    #[schemars(with = "Period")]
    pub block_timeout: Duration,
}

/// Arrangement of the hosts of [`RedisSettings`]. In files of settings it is `standard`, `sentinel` or `cluster`.
///
/// ```
/// use soa::{RedisMode, RedisSettings};
///
/// let settings: RedisSettings = "redis-cluster://a:7000,b:7001".parse()?;
/// assert_eq!(settings.mode, RedisMode::Cluster);
/// assert_eq!(RedisSettings::default().mode, RedisMode::Standard);
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // Settings are few, and a box would be part of the public type.
pub enum RedisMode {
    /// The hosts are masters that know nothing of each other: a ring. Requests go to all of them in turn, a response to
    /// the one that follows from its list. Every client and server must have the same hosts in the same order.
    #[default]
    Standard,
    /// The hosts are sentinels; the ring is made of masters that they watch.
    Sentinel(SentinelSettings),
    /// The hosts are nodes of one Redis Cluster, of which one is enough to find the others.
    Cluster,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            mode: RedisMode::Standard,
            hosts: vec![("127.0.0.1".to_owned(), host::REDIS_PORT)],
            sentinel: None,
            database: 0,
            username: None,
            password: None,
            password_file: None,
            credentials: None,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            keep_alive: true,
            command_timeout: Duration::from_secs(5),
            queue_capacity: 10_000,
            queue_full_retries: 10,
            receive_timeout: Duration::from_secs(5),
            assumed_timeout: None,
            max_queue_age: None,
            message_expiry: Duration::from_secs(60),
            maximum_message_size: None,
            log_messages_larger_than: 102_400,
            chunk_messages_larger_than: None,
            expects_chunked_replies: false,
            reply_memory: 64 * 1024 * 1024,
            wait_replicas: 0,
            lease: LeaseTime::default().lease,
            gone_after: LeaseTime::default().gone_after,
            block_timeout: Duration::from_secs(5),
        }
    }
}

impl<'de> Deserialize<'de> for RedisSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::deserialize(deserializer)?;
        match (&mut settings.mode, settings.sentinel.take()) {
            (_, None) => {}
            (RedisMode::Sentinel(sentinel), Some(given)) => *sentinel = given,
            (RedisMode::Standard | RedisMode::Cluster, Some(_)) => {
                return Err(D::Error::custom("`sentinel` needs `mode = \"sentinel\"`"));
            }
        }
        settings.set_default_ports();
        settings.check().map_err(D::Error::custom)?;
        Ok(settings)
    }
}

impl RedisMode {
    const NAMES: [&str; 3] = ["standard", "sentinel", "cluster"];

    fn name(&self) -> &'static str {
        let [standard, sentinel, cluster] = Self::NAMES;
        match self {
            Self::Standard => standard,
            Self::Sentinel(_) => sentinel,
            Self::Cluster => cluster,
        }
    }

    fn serialize_name<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Reads the name of a mode. The settings of sentinels, which stand beside it, are the default.
impl<'de> Deserialize<'de> for RedisMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let modes = [
            Self::Standard,
            Self::Sentinel(SentinelSettings::default()),
            Self::Cluster,
        ];
        let mut modes = modes.into_iter();
        let mode = modes.find(|mode| mode.name() == name);
        mode.ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}

impl JsonSchema for RedisMode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedisMode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "enum": Self::NAMES,
            "description": "Arrangement of the hosts.",
        })
    }
}

/// Methods that set one field each.
macro_rules! setters {
    ($Settings:ident: $($(#[$doc:meta])* $name:ident: $Type:ty),* $(,)?) => {
        impl $Settings {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: $Type) -> Self {
                    self.$name = $name.into();
                    self
                }
            )*
        }
    };
}

setters! { RedisSettings:
    /// Sets the number of the database.
    database: u8,
    /// Uses TLS towards Redis.
    tls: TlsSettings,
    /// Sets the time limit of one attempt to connect.
    connect_timeout: Duration,
    /// Sets whether the system probes silent connections.
    keep_alive: bool,
    /// Sets the time limit of a command, after which its outcome counts as unknown.
    command_timeout: Duration,
    /// Sets the largest number of messages in a queue.
    queue_capacity: usize,
    /// Sets the number of further attempts to push a message to a full queue.
    queue_full_retries: u32,
    /// Sets the time limit of calls without a timeout of their own.
    receive_timeout: Duration,
    /// Sets the time after which an unread message expires.
    message_expiry: Duration,
    /// Sets the largest payload of a request or response, in bytes; 0 for any size.
    maximum_message_size: usize,
    /// Sets the payload size, in bytes, above which messages are logged; 0 for none.
    log_messages_larger_than: usize,
    /// Sets the payload size, in bytes, above which responses are sent in chunks.
    chunk_messages_larger_than: usize,
    /// Sets whether each call has a reply list of its own from the start.
    expects_chunked_replies: bool,
    /// Sets the size of the large answers, in bytes, that callers have not taken yet, above which further ones are taken
    /// slowly.
    reply_memory: usize,
    /// Sets the number of replicas that have to know of a request before it runs, if it must not run twice.
    wait_replicas: u32,
    /// Sets the time without a sign of life after which other servers give the process up for dead.
    lease: Duration,
    /// Sets the same time for a process whose connection to Redis is gone.
    gone_after: Duration,
    /// Sets the time limit of one blocking pop inside Redis.
    block_timeout: Duration,
}

/// Clamps a time: at least 1 ms, since 0 means *for ever* or *now* to Redis, and not so long that it cannot be added to the
/// clock.
pub(super) fn bounded(time: Duration) -> Duration {
    const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);
    time.clamp(Duration::from_millis(1), FAR)
}

impl RedisSettings {
    /// The defaults, for a Redis at this host and port.
    ///
    /// ```
    /// use soa::RedisSettings;
    ///
    /// let settings = RedisSettings::new("redis.internal", 6379).database(2).password("secret");
    /// assert_eq!(settings.addresses(), "redis.internal:6379");
    /// assert!(!format!("{settings:?}").contains("secret"));
    /// ```
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self::ring([(host, port)])
    }

    /// The defaults, for a ring of masters that know nothing of each other, in this order.
    ///
    /// ```
    /// use soa::RedisSettings;
    ///
    /// let settings = RedisSettings::ring([("redis-1", 6379), ("redis-2", 6379)]);
    /// assert_eq!("redis-1,redis-2".parse::<RedisSettings>()?, settings);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn ring<H: Into<String>>(hosts: impl IntoIterator<Item = (H, u16)>) -> Self {
        let hosts = hosts.into_iter().map(|(host, port)| (host.into(), port));
        Self {
            hosts: hosts.collect(),
            ..Self::default()
        }
    }

    /// The defaults, for masters that are found by these sentinels.
    pub fn sentinel<H: Into<String>>(
        sentinels: impl IntoIterator<Item = (H, u16)>,
        settings: SentinelSettings,
    ) -> Self {
        Self {
            mode: RedisMode::Sentinel(settings),
            ..Self::ring(sentinels)
        }
    }

    /// The defaults, for a Redis Cluster that is found by these nodes.
    ///
    /// ```
    /// use soa::RedisSettings;
    ///
    /// let settings = RedisSettings::cluster([("node-1", 6379), ("node-2", 6379)]).user("worker", "secret");
    /// assert_eq!("redis-cluster://worker:secret@node-1,node-2".parse::<RedisSettings>()?, settings);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn cluster<H: Into<String>>(nodes: impl IntoIterator<Item = (H, u16)>) -> Self {
        Self {
            mode: RedisMode::Cluster,
            ..Self::ring(nodes)
        }
    }

    /// Logs in with a password, as the default user.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Logs in as an ACL user.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self.password(password)
    }

    /// Logs in with the password in a file, which is read again for each new connection and after a login was refused.
    ///
    /// ```
    /// use soa::RedisSettings;
    ///
    /// let mut settings = RedisSettings::new("redis.internal", 6379).password_file("/run/secrets/redis");
    /// settings.username = Some("worker".to_owned());
    /// ```
    #[must_use]
    pub fn password_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.password_file = Some(file.into());
        self
    }

    /// Takes the login from a callback, which is called before each attempt to log in: for each new connection, and again
    /// after a login was refused. While Redis is away or refuses the login this is several times a second, so a callback
    /// that asks another system keeps the answer itself. It has nine tenths of `connect_timeout`.
    ///
    /// ```
    /// use soa::{RedisCredentials, RedisSettings};
    ///
    /// // Asks a store of secrets.
    /// async fn password() -> Result<String, std::io::Error> {
    ///     Ok("secret".to_owned())
    /// }
    ///
    /// let settings = RedisSettings::new("redis.internal", 6379).credentials(|| async {
    ///     Ok::<_, std::io::Error>(RedisCredentials::user("worker", password().await?))
    /// });
    /// assert!(settings.check().is_ok());
    /// // The login is in one place.
    /// assert!(settings.password("other").check().is_err());
    /// ```
    #[must_use]
    pub fn credentials<F, Fut, E>(mut self, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<RedisCredentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.credentials = Some(CredentialSource::new(read));
        self
    }

    /// Sets the time for which callers are taken to wait that do not tell it.
    #[must_use]
    pub fn assumed_timeout(mut self, timeout: Duration) -> Self {
        self.assumed_timeout = Some(timeout.into());
        self
    }

    /// Sets the age of the queue above which calls fail at once.
    #[must_use]
    pub fn max_queue_age(mut self, age: Duration) -> Self {
        self.max_queue_age = Some(age.into());
        self
    }

    /// The hosts with their ports, for messages.
    pub fn addresses(&self) -> String {
        let hosts = self.hosts.iter().map(|(host, port)| shown(host, *port));
        hosts.collect::<Vec<_>>().join(", ")
    }

    /// The hosts with their ports, and what they are, for messages.
    ///
    /// ```
    /// use soa::{RedisSettings, SentinelSettings};
    ///
    /// let settings = RedisSettings::ring([("redis-1", 6379), ("redis-2", 6379)]);
    /// assert_eq!(settings.arrangement(), "redis-1:6379, redis-2:6379");
    /// let named = SentinelSettings::default().services(vec!["primary".to_owned()]);
    /// let settings = RedisSettings::sentinel([("sentinel-1", 26379)], named);
    /// assert_eq!(settings.arrangement(), "primary, by the sentinels sentinel-1:26379");
    /// ```
    pub fn arrangement(&self) -> String {
        let addresses = self.addresses();
        match &self.mode {
            RedisMode::Standard => addresses,
            RedisMode::Sentinel(sentinel) if sentinel.services.is_empty() => {
                format!("all masters, by the sentinels {addresses}")
            }
            RedisMode::Sentinel(sentinel) => {
                let names = sentinel.services.join(", ");
                format!("{names}, by the sentinels {addresses}")
            }
            RedisMode::Cluster => format!("the cluster {addresses}"),
        }
    }

    /// Checks what a connection will rely on. Connections do so when they are made.
    ///
    /// ```
    /// use soa::RedisSettings;
    ///
    /// assert!(RedisSettings::default().check().is_ok());
    /// let no_hosts = RedisSettings::ring::<String>([]);
    /// assert!(no_hosts.check().is_err());
    /// ```
    ///
    /// # Errors
    /// A field cannot be as it is; the error names it, the rule, and what to do.
    pub fn check(&self) -> Result<(), BuildError> {
        self.check_for(HAS_TLS)
    }

    /// Gives hosts without a port the one that is usual in this mode.
    fn set_default_ports(&mut self) {
        let usual = match self.mode {
            RedisMode::Sentinel(_) => host::SENTINEL_PORT,
            RedisMode::Standard | RedisMode::Cluster => host::REDIS_PORT,
        };
        for (_, port) in &mut self.hosts {
            if *port == host::NO_PORT {
                *port = usual;
            }
        }
    }

    /// Time for which callers are taken to wait that do not tell it.
    pub(super) fn patience(&self) -> Duration {
        bounded(
            self.assumed_timeout
                .map_or(self.receive_timeout, Period::get),
        )
    }

    /// Times after which the process is given up for dead.
    pub(super) fn lease_time(&self) -> LeaseTime {
        LeaseTime {
            lease: bounded(self.lease),
            gone_after: bounded(self.gone_after),
        }
    }

    /// Time that a pop blocks inside Redis, which would take 0 for ever.
    pub(super) fn block_time(&self) -> Duration {
        self.block_timeout
            .clamp(Duration::from_millis(10), Duration::from_secs(3600))
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("mode", &self.mode)
            .field("hosts", &self.addresses())
            .field("database", &self.database)
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("password_file", &self.password_file)
            .field("has_callback", &self.credentials.is_some())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "tls")]
    use serde_json::json;

    fn refused(settings: RedisSettings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn the_password_is_not_shown() {
        let sentinel = SentinelSettings::default().user("they", "hidden");
        let settings = RedisSettings::sentinel([("host", 1)], sentinel).user("me", "secret");
        let shown = format!("{settings:?}");
        assert!(shown.contains("me") && shown.contains("they"), "{shown}");
        assert!(
            !shown.contains("secret") && !shown.contains("hidden"),
            "{shown}"
        );
    }

    #[test]
    fn a_program_without_tls_refuses_to_be_told_to_use_it() {
        let refused = |settings: RedisSettings| settings.check_tls(false).unwrap_err().to_string();
        let settings = RedisSettings::default().tls(TlsSettings::default());
        assert_eq!(settings.check_tls(true), Ok(()));
        assert_eq!(
            refused(settings),
            "the setting `tls` needs TLS, and this program is built without it: enable the feature `tls` of the crate \
             `soa`"
        );
        let sentinel = SentinelSettings::default().tls(TlsSettings::default());
        let text = refused(RedisSettings::sentinel([("host", 1)], sentinel));
        assert!(
            text.starts_with("the setting `tls` of the sentinels"),
            "{text}"
        );
        assert_eq!(RedisSettings::default().check_tls(false), Ok(()));
    }

    #[test]
    #[cfg(feature = "tls")]
    fn keys_of_a_file_are_read_into_the_fields() {
        let read = |keys: serde_json::Value| serde_json::from_value::<RedisSettings>(keys);
        assert_eq!(read(json!({})).unwrap(), RedisSettings::default());
        let settings = read(json!({
            "mode": "sentinel",
            "hosts": ["a", "b:1"],
            "sentinel": { "services": ["x"], "password": "hidden" },
            "receive_timeout": "1m 30s",
            "tls": { "client_certificate": "/dev/null", "client_key": "/dev/zero" },
        }));
        let sentinel = SentinelSettings::default().services(vec!["x".to_owned()]);
        let tls = TlsSettings::default().client_certificate("/dev/null", "/dev/zero");
        let hosts = [("a", 26379), ("b", 1)];
        let expected = RedisSettings::sentinel(hosts, sentinel.password("hidden"))
            .receive_timeout(Duration::from_secs(90))
            .tls(tls);
        assert_eq!(settings.unwrap(), expected);
        for (keys, message) in [
            (
                json!({ "sentinel": {} }),
                "`sentinel` needs `mode = \"sentinel\"`",
            ),
            (
                json!({ "hosts": ["redis://:secret@a"] }),
                "expected HOST or HOST:PORT, but the port is not a number from 1 to 65535",
            ),
            (
                json!({ "mode": "ring" }),
                "unknown variant `ring`, expected one of `standard`, `sentinel`, `cluster`",
            ),
            (
                json!({ "tls": { "client_key": "/dev/null" } }),
                "`client_certificate` and `client_key` need each other",
            ),
            (
                json!({ "mode": "cluster", "database": 1 }),
                "the setting `database` must be 0: a cluster has no other",
            ),
        ] {
            assert_eq!(read(keys).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn pieces_have_a_least_size_and_the_maximum_has_room_for_five() {
        let settings = RedisSettings::default;
        let chunked = |threshold| settings().chunk_messages_larger_than(threshold);
        let text = refused(chunked(102_399));
        assert!(
            text.contains("`chunk_messages_larger_than` must be at least 102400"),
            "{text}"
        );
        // The default of a server is less than five times the least.
        let text = refused(chunked(102_400));
        assert!(
            text.contains("`maximum_message_size` must be at least five times"),
            "{text}"
        );
        refused(chunked(102_400).maximum_message_size(511_999));
        assert_eq!(
            chunked(102_400).maximum_message_size(512_000).check(),
            Ok(())
        );
        assert_eq!(chunked(102_400).maximum_message_size(0).check(), Ok(()));
        assert_eq!(settings().check(), Ok(()));
    }
}
