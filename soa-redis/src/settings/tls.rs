//! Settings of TLS: paths of files and names.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error};
use soa_runtime::BuildError;

/// True if this program can speak TLS.
pub(super) const HAS_TLS: bool = cfg!(feature = "tls");

/// Settings of TLS towards a Redis or a sentinel. By default the certificate authorities of the system are trusted, and no
/// client certificate is presented.
///
/// The server's certificate must be valid for the host that is connected to, or for `server_name`.
///
/// The files are read when a connection is configured, and again for each new connection to Redis. If they cannot be read
/// then, those that were read before are used, and the log says so.
///
/// TLS is behind the feature `tls` of soa. Without it, these settings are read, and refused with an error that names the
/// feature.
///
/// ```
/// use soa::{RedisSettings, TlsSettings};
///
/// let tls = TlsSettings::default()
///     .ca_certificates("/etc/redis/ca.pem")
///     .client_certificate("/etc/redis/client.pem", "/etc/redis/client.key")
///     .server_name("redis.internal");
/// let settings = RedisSettings::new("10.0.0.7", 6380).tls(tls);
///
/// // With the authorities of the system, an address is enough.
/// # #[cfg(feature = "tls")] {
/// let settings: RedisSettings = "rediss://redis.internal:6380".parse()?;
/// assert_eq!(settings.tls, Some(TlsSettings::default()));
/// # }
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields, default)]
#[schemars(rename = "Tls", description = "Settings of TLS.")]
#[non_exhaustive]
pub struct TlsSettings {
    /// PEM file with the certificates of the trusted authorities; those of the system by default.
    #[serde(deserialize_with = "readable")]
    pub ca_certificates: Option<PathBuf>,
    /// PEM files with the certificates that are presented to the server, and with their private key; none by default. In
    /// files of settings these are two keys, `client_certificate` and `client_key`.
    #[serde(deserialize_with = "certificate")]
    #[schemars(
        with = "Option<PathBuf>",
        description = "PEM file with the certificates that are presented to the server; none by default. Needs `client_key`."
    )]
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// PEM file with the private key of `client_certificate`.
    ///
    /// It is here while settings are read.
    #[serde(deserialize_with = "readable")]
    #[schemars(description = "PEM file with the private key of `client_certificate`.")]
    client_key: Option<PathBuf>,
    /// Name that the server's certificate must be valid for; by default the host that is connected to. Sentinels and
    /// clusters report addresses, which few certificates contain.
    pub server_name: Option<String>,
}

impl TlsSettings {
    /// Trusts the authorities in this PEM file, and no others.
    #[must_use]
    pub fn ca_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_certificates = Some(file.into());
        self
    }

    /// Presents the certificates of one PEM file, whose private key is in another.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some((certificates.into(), key.into()));
        self
    }

    /// Sets the name that the server's certificate must be valid for.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

/// Returns the error of a program that is built without TLS, and is told to use it by `what`.
pub(in super::super) fn without_tls(what: &str) -> BuildError {
    BuildError::new(format!(
        "{what} needs TLS, and this program is built without it: enable the feature `tls` of the crate `soa`"
    ))
}

impl<'de> Deserialize<'de> for TlsSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::deserialize(deserializer)?;
        match (&mut settings.client_certificate, settings.client_key.take()) {
            (None, None) => {}
            (Some((_, key)), Some(file)) => *key = file,
            _ => {
                let message = "`client_certificate` and `client_key` need each other";
                return Err(D::Error::custom(message));
            }
        }
        Ok(settings)
    }
}

/// Reads the path of a certificate, beside that of its key, which is not known yet.
fn certificate<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<(PathBuf, PathBuf)>, D::Error> {
    let file = readable(deserializer)?;
    Ok(file.map(|file| (file, PathBuf::new())))
}

/// Reads the path of a file that exists and can be opened.
pub(super) fn readable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    if let Some(path) = &path {
        let opened = std::fs::File::open(path);
        opened.map_err(|error| {
            D::Error::custom(format!("{} cannot be read: {error}", path.display()))
        })?;
    }
    Ok(path)
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("ca_certificates", &self.ca_certificates)
            .field("client_certificate", &self.client_certificate)
            .field("server_name", &self.server_name)
            .finish()
    }
}
