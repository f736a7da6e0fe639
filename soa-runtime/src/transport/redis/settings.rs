//! How Redis is reached, and how its queues are used.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::BuildError;

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
/// assert_eq!((&*settings.host, settings.port, settings.database), ("redis.internal", 6380, 2));
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisSettings {
    /// Host name or address; `127.0.0.1` by default.
    pub host: String,
    /// Port; 6379 by default.
    pub port: u16,
    /// The number of the database; 0 by default.
    pub database: u8,
    /// The ACL user; none by default.
    pub username: Option<String>,
    /// The password; none by default. It is never shown.
    pub password: Option<String>,
    /// How long one attempt to connect may take; 5 s by default.
    pub connect_timeout: Duration,
    /// How long a command may take before its outcome counts as unknown; 5 s by default.
    pub command_timeout: Duration,
    /// How many messages a list may hold; 10,000 by default.
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
    /// How long one blocking pop waits inside Redis; 5 s by default. Nothing is missed between two of them.
    pub block_timeout: Duration,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 6379,
            database: 0,
            username: None,
            password: None,
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(5),
            queue_capacity: 10_000,
            queue_full_retries: 10,
            receive_timeout: Duration::from_secs(5),
            message_expiry: Duration::from_secs(60),
            maximum_message_size: None,
            log_messages_larger_than: 102_400,
            block_timeout: Duration::from_secs(5),
        }
    }
}

/// Methods that set one field each.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $Type:ty),* $(,)?) => {
        impl RedisSettings {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: $Type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

setters! {
    /// Sets the number of the database.
    database: u8,
    /// Sets how long one attempt to connect may take.
    connect_timeout: Duration,
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
    /// Sets above which payload size messages are told in the log; 0 for none.
    log_messages_larger_than: usize,
    /// Sets how long one blocking pop waits inside Redis.
    block_timeout: Duration,
}

/// A time that can be counted in: not nothing, which Redis takes for ever or for now, and not so long that the sum with
/// the clock does not exist.
pub(super) fn bounded(time: Duration) -> Duration {
    const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);
    time.clamp(Duration::from_millis(1), FAR)
}

impl RedisSettings {
    /// How long a pop blocks: for nothing Redis would block for ever.
    pub(super) fn block_time(&self) -> Duration {
        self.block_timeout
            .clamp(Duration::from_millis(10), Duration::from_secs(3600))
    }

    /// The defaults, for a Redis at this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            ..Self::default()
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

    /// Sets the largest request or response, in bytes of its payload.
    #[must_use]
    pub fn maximum_message_size(mut self, bytes: usize) -> Self {
        self.maximum_message_size = Some(bytes);
        self
    }

    /// `host:port`, for messages.
    pub(super) fn address(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }
}

/// Reads `host`, `host:port`, or `redis://[[user]:password@]host[:port][/database]`.
impl FromStr for RedisSettings {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        // The text may hold a password: no message repeats it.
        let bad = |what: &str| {
            BuildError::new(format!(
                "bad address of Redis: {what}; write `host:port` or \
                 `redis://user:password@host:port/database`"
            ))
        };
        let mut settings = Self::default();
        let rest = match text.split_once("://") {
            Some(("redis", rest)) => rest,
            Some(("rediss", _)) => return Err(bad("TLS is not supported yet")),
            Some(_) => return Err(bad("the scheme is not `redis`")),
            None => text,
        };
        let (rest, database) = rest.split_once('/').unwrap_or((rest, ""));
        if !database.is_empty() {
            let number = database.parse();
            settings.database = number.map_err(|_| bad("the database is not a number to 255"))?;
        }
        let address = match rest.rsplit_once('@') {
            None => rest,
            Some((login, address)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let decode =
                    |text: &str| decoded(text).ok_or_else(|| bad("the login has a bad escape"));
                settings.username = Some(decode(user)?).filter(|user| !user.is_empty());
                settings.password = Some(decode(password)?).filter(|word| !word.is_empty());
                address
            }
        };
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| bad("`]` is missing"))?;
                (host, port.strip_prefix(':').unwrap_or(port))
            }
            None => address.split_once(':').unwrap_or((address, "")),
        };
        if host.is_empty() {
            return Err(bad("there is no host"));
        }
        settings.host = host.to_owned();
        if !port.is_empty() {
            let number = port.parse();
            settings.port = number.map_err(|_| bad("the port is not a number to 65535"))?;
        }
        Ok(settings)
    }
}

/// Percent-decodes; `None` for half an escape or for bytes that are not text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let code = digit()? * 16 + digit()?;
        out.push(u8::try_from(code).ok()?);
    }
    String::from_utf8(out).ok()
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("address", &self.address())
            .field("database", &self.database)
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> RedisSettings {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_may_leave_out_what_has_a_default() {
        assert_eq!(parsed("127.0.0.1:6379"), RedisSettings::default());
        assert_eq!(parsed("redis://127.0.0.1"), RedisSettings::default());
        assert_eq!(parsed("cache"), RedisSettings::new("cache", 6379));
        assert_eq!(parsed("[::1]:7000"), RedisSettings::new("::1", 7000));
        assert_eq!(parsed("redis://[::1]/"), RedisSettings::new("::1", 6379));
    }

    #[test]
    fn a_url_has_login_and_database() {
        let settings = parsed("redis://us%65r:p%40ss@host:1/15");
        assert_eq!(
            settings,
            RedisSettings::new("host", 1)
                .user("user", "p@ss")
                .database(15)
        );
        let settings = parsed("redis://:secret@host");
        assert_eq!(
            settings,
            RedisSettings::new("host", 6379).password("secret")
        );
    }

    #[test]
    fn a_bad_address_is_told_without_its_password() {
        for text in [
            "",
            "redis://",
            "http://host",
            "rediss://:secret@host",
            "redis://:secret@host:port",
            "redis://:secret@host/x",
            "redis://:secret%4@host",
            "redis://:secret@host/256",
            "host:65536",
            "[::1",
        ] {
            let error = text.parse::<RedisSettings>().unwrap_err().to_string();
            assert!(
                error.starts_with("bad address of Redis: "),
                "{text}: {error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", RedisSettings::new("host", 1).user("me", "secret"));
        assert!(shown.contains("me") && !shown.contains("secret"), "{shown}");
    }
}
