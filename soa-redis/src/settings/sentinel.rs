//! Settings of the sentinels: the masters to find, and the login there.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use soa_wire::secret::Secret;

use super::credentials::{CredentialSource, RedisCredentials};
use super::tls::TlsSettings;

/// Settings of the sentinels that find the masters.
///
/// ```
/// use soa::{RedisMode, RedisSettings, SentinelSettings};
///
/// let sentinel = SentinelSettings::default()
///     .services(vec!["primary".to_owned()])
///     .failover_retries(5)
///     .password("secret");
/// let settings = RedisSettings::sentinel([("sentinel-1", 26379), ("sentinel-2", 26379)], sentinel);
/// assert!(matches!(settings.mode, RedisMode::Sentinel(_)));
///
/// // The same hosts and masters as an address.
/// let settings: RedisSettings = "redis-sentinel://sentinel-1,sentinel-2?services=primary".parse()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RedisSentinel")]
#[non_exhaustive]
pub struct SentinelSettings {
    /// Names of the masters, in the order of the ring; by default all that the first sentinel reports, in its order.
    pub services: Vec<String>,
    /// Number of further attempts to find a master, with growing pauses, while the sentinels know of none that works. With 0,
    /// the default, a message fails at once.
    pub failover_retries: u32,
    /// Name of the ACL user at the sentinels; the default user if it is not set.
    pub username: Option<String>,
    /// Password at the sentinels; none by default.
    #[schemars(with = "Option<Secret>")]
    pub password: Option<String>,
    /// File with the password at the sentinels, in the place of `password`; none by default. It is read again for each new
    /// connection.
    #[serde(deserialize_with = "super::tls::readable")]
    pub password_file: Option<PathBuf>,
    /// The callback that gives the login.
    #[serde(skip)]
    pub(in super::super) credentials: Option<CredentialSource>,
    /// TLS towards the sentinels. It is off without this table, and on with an empty one. Needs the feature `tls` of the
    /// crate `soa`.
    pub tls: Option<TlsSettings>,
}

impl SentinelSettings {
    /// Sets the names of the masters, in the order of the ring.
    #[must_use]
    pub fn services(mut self, services: Vec<String>) -> Self {
        self.services = services;
        self
    }

    /// Sets the number of further attempts to find a master.
    #[must_use]
    pub fn failover_retries(mut self, failover_retries: u32) -> Self {
        self.failover_retries = failover_retries;
        self
    }

    /// Uses TLS towards the sentinels.
    #[must_use]
    pub fn tls(mut self, tls: TlsSettings) -> Self {
        self.tls = Some(tls);
        self
    }

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

    /// Logs in at the sentinels with the password in a file, as
    /// [`RedisSettings::password_file`](super::RedisSettings::password_file) does at the masters.
    #[must_use]
    pub fn password_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.password_file = Some(file.into());
        self
    }

    /// Takes the login at the sentinels from a callback, as [`RedisSettings::credentials`](super::RedisSettings::credentials)
    /// does for the masters.
    #[must_use]
    pub fn credentials<F, Fut, E>(mut self, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<RedisCredentials, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.credentials = Some(CredentialSource::new(read));
        self
    }
}

impl fmt::Debug for SentinelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelSettings")
            .field("services", &self.services)
            .field("failover_retries", &self.failover_retries)
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("password_file", &self.password_file)
            .field("has_callback", &self.credentials.is_some())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
