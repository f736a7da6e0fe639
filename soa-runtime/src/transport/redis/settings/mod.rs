//! How Redis is reached, and how its queues are used.
//!
//! [`RedisSettings`] are plain data. They are made from defaults, from a text ([`address`](self)), or field by
//! field, and checked when a connection is made from them: whoever gets a connection has settings that can work.

mod address;
mod tls;

use std::fmt;
use std::time::Duration;

pub use tls::TlsSettings;

use crate::error::BuildError;

/// The least threshold for chunked responses.
const LEAST_CHUNK: usize = 102_400;

/// Where Redis is and how its queues are used. The defaults are those of the reference.
///
/// Made from `host:port` or a `redis://` URL, and changed by the methods:
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::RedisSettings;
///
/// let settings: RedisSettings = "redis://worker:secret@redis.internal:6380/2".parse()?;
/// let settings = settings.receive_timeout(Duration::from_secs(30));
/// assert_eq!((settings.addresses(), settings.database), ("redis.internal:6380".to_owned(), 2));
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisSettings {
    /// How the hosts belong together; [`RedisMode::Standard`] by default.
    pub mode: RedisMode,
    /// Host names or addresses, and ports; `127.0.0.1:6379` by default. What they are depends on the mode.
    pub hosts: Vec<(String, u16)>,
    /// The number of the database; 0 by default, and always in a cluster.
    pub database: u8,
    /// The ACL user; none by default.
    pub username: Option<String>,
    /// The password; none by default. It is never shown.
    pub password: Option<String>,
    /// TLS towards Redis; none by default.
    pub tls: Option<TlsSettings>,
    /// How long one attempt to connect may take; 5 s by default.
    pub connect_timeout: Duration,
    /// Whether the system looks after connections that are silent (`SO_KEEPALIVE`, at its own times); it does by default.
    pub keep_alive: bool,
    /// How long a command may take before its outcome counts as unknown; 5 s by default.
    pub command_timeout: Duration,
    /// How many messages a list may hold; 10,000 by default, at least 1.
    pub queue_capacity: usize,
    /// How often a message is offered to a full list again; 10 by default.
    pub queue_full_retries: u32,
    /// How long a call waits that has no timeout of its own; 5 s by default.
    pub receive_timeout: Duration,
    /// How long a message is worth reading, and the least time that its list lives; 60 s by default, whole
    /// seconds. A call with a timeout has that instead.
    pub message_expiry: Duration,
    /// The largest request or response, in bytes of its payload; `None` stands for 102,400 at clients and
    /// 256,000 at servers, 0 for any size.
    pub maximum_message_size: Option<usize>,
    /// Messages with a larger payload are told in the log; 102,400 bytes by default, 0 for none.
    pub log_messages_larger_than: usize,
    /// Responses with a larger payload are cut into pieces of so many bytes; `None`, the default, for never. At least
    /// 102,400, and `maximum_message_size` at least five times as much. Clients of protocol versions before 3 get
    /// `RESPONSE_TOO_LARGE` instead.
    pub chunk_messages_larger_than: Option<usize>,
    /// Whether each call has a reply list of its own from the beginning; not by default. Pieces of responses do not say
    /// what they belong to: for services of the reference that cut theirs. Without it, the first piece that comes
    /// switches to it.
    pub expects_chunked_replies: bool,
    /// How long one blocking pop waits inside Redis; 5 s by default. Nothing is missed between two of them.
    pub block_timeout: Duration,
}

/// How the hosts of [`RedisSettings`] belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

/// How masters are found by sentinels.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentinelSettings {
    /// The names of the masters, in the order of the ring; by default all that the first sentinel knows, in the order in
    /// which it tells them.
    pub services: Vec<String>,
    /// How often a message asks for its master again, with growing pauses, while the sentinels know of none that works;
    /// 0 by default: it fails at once.
    pub failover_retries: u32,
    /// The ACL user at the sentinels; none by default.
    pub username: Option<String>,
    /// The password at the sentinels; none by default. It is never shown.
    pub password: Option<String>,
    /// TLS towards the sentinels; none by default.
    pub tls: Option<TlsSettings>,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            mode: RedisMode::Standard,
            hosts: vec![("127.0.0.1".to_owned(), 6379)],
            database: 0,
            username: None,
            password: None,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            keep_alive: true,
            command_timeout: Duration::from_secs(5),
            queue_capacity: 10_000,
            queue_full_retries: 10,
            receive_timeout: Duration::from_secs(5),
            message_expiry: Duration::from_secs(60),
            maximum_message_size: None,
            log_messages_larger_than: 102_400,
            chunk_messages_larger_than: None,
            expects_chunked_replies: false,
            block_timeout: Duration::from_secs(5),
        }
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
    /// Sets how long one attempt to connect may take.
    connect_timeout: Duration,
    /// Sets whether the system looks after connections that are silent.
    keep_alive: bool,
    /// Sets how long a command may take before its outcome counts as unknown.
    command_timeout: Duration,
    /// Sets how many messages a list may hold.
    queue_capacity: usize,
    /// Sets how often a message is offered to a full list again.
    queue_full_retries: u32,
    /// Sets how long a call waits that has no timeout of its own.
    receive_timeout: Duration,
    /// Sets how long a message is worth reading.
    message_expiry: Duration,
    /// Sets the largest request or response, in bytes of its payload; 0 for any size.
    maximum_message_size: usize,
    /// Sets above which payload size messages are told in the log; 0 for none.
    log_messages_larger_than: usize,
    /// Cuts responses with a larger payload into pieces.
    chunk_messages_larger_than: usize,
    /// Sets whether each call has a reply list of its own from the beginning.
    expects_chunked_replies: bool,
    /// Sets how long one blocking pop waits inside Redis.
    block_timeout: Duration,
}

setters! { SentinelSettings:
    /// Sets the names of the masters, in the order of the ring.
    services: Vec<String>,
    /// Sets how often a message asks for its master again.
    failover_retries: u32,
    /// Uses TLS towards the sentinels.
    tls: TlsSettings,
}

/// A time that can be counted in: not nothing, which Redis takes for ever or for now, and not so long that the sum with
/// the clock does not exist.
pub(super) fn bounded(time: Duration) -> Duration {
    const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);
    time.clamp(Duration::from_millis(1), FAR)
}

/// `host:port`, for messages.
pub(super) fn shown(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl RedisSettings {
    /// The defaults, for a Redis at this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self::ring([(host, port)])
    }

    /// The defaults, for a ring of masters that know nothing of each other, in this order.
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

    /// The hosts with their ports, for messages.
    pub fn addresses(&self) -> String {
        let hosts = self.hosts.iter().map(|(host, port)| shown(host, *port));
        hosts.collect::<Vec<_>>().join(", ")
    }

    /// Checks what a connection will rely on. Connections do so when they are made.
    ///
    /// # Errors
    /// A field cannot be as it is; the error names it, the rule, and what to do.
    pub fn check(&self) -> Result<(), BuildError> {
        let bad =
            |field: &str, rule: &str| Err(BuildError::new(format!("the setting `{field}` {rule}")));
        if self.hosts.is_empty() || self.hosts.iter().any(|(host, _)| host.is_empty()) {
            return bad(
                "hosts",
                "needs at least one host, and a name or address for each",
            );
        }
        if self.queue_capacity == 0 {
            return bad(
                "queue_capacity",
                "must be at least 1: a list of 0 takes nothing",
            );
        }
        if let Some(threshold) = self.chunk_messages_larger_than {
            if threshold < LEAST_CHUNK {
                let rule = format!("must be at least {LEAST_CHUNK}, and is {threshold}");
                return bad("chunk_messages_larger_than", &rule);
            }
            let maximum = self
                .maximum_message_size
                .unwrap_or(super::server::MAXIMUM_SIZE);
            if maximum != 0 && maximum / 5 < threshold {
                let rule = format!(
                    "must be at least five times `chunk_messages_larger_than`, which is {threshold}; it is {maximum}"
                );
                return bad("maximum_message_size", &rule);
            }
        }
        match &self.mode {
            RedisMode::Standard => Ok(()),
            RedisMode::Cluster if self.database != 0 => {
                bad("database", "must be 0: a cluster has no other")
            }
            RedisMode::Cluster => Ok(()),
            RedisMode::Sentinel(sentinel) => {
                let names = &sentinel.services;
                let is_double = |(index, name)| names.iter().take(index).any(|other| other == name);
                if names.iter().any(String::is_empty) || names.iter().enumerate().any(is_double) {
                    return bad("services", "of the sentinels must name each master once");
                }
                Ok(())
            }
        }
    }

    /// How long a pop blocks: for nothing Redis would block for ever.
    pub(super) fn block_time(&self) -> Duration {
        self.block_timeout
            .clamp(Duration::from_millis(10), Duration::from_secs(3600))
    }
}

impl SentinelSettings {
    /// Logs in at the sentinels with a password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Logs in at the sentinels as an ACL user.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self.password(password)
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
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SentinelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelSettings")
            .field("services", &self.services)
            .field("failover_retries", &self.failover_retries)
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn settings_that_cannot_work_are_told_with_their_names() {
        let none: [(&str, u16); 0] = [];
        let double = SentinelSettings::default().services(vec!["a".to_owned(), "a".to_owned()]);
        for (settings, name) in [
            (RedisSettings::ring(none), "`hosts`"),
            (RedisSettings::new("", 1), "`hosts`"),
            (
                RedisSettings::default().queue_capacity(0),
                "`queue_capacity`",
            ),
            (
                RedisSettings::cluster([("host", 1)]).database(1),
                "`database`",
            ),
            (RedisSettings::sentinel([("host", 1)], double), "`services`"),
        ] {
            let text = refused(settings);
            assert!(text.contains(name), "{text}");
        }
    }
}
