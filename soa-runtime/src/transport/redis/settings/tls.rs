//! What TLS needs, as paths and names.

use std::path::PathBuf;

/// TLS towards a Redis or a sentinel. By default, the certificates of the system are trusted and none is shown.
///
/// The other side's certificate must be valid for the host that is connected to, or for `server_name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// A file with the certificates, in PEM, of the authorities that are trusted; those of the system by default.
    pub ca_certificates: Option<PathBuf>,
    /// Files with the certificates and the private key, in PEM, that are shown to the other side; none by default.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// The name that the other side's certificates must be valid for; by default the host that is connected to. Sentinels
    /// and clusters tell addresses, which few certificates have.
    pub server_name: Option<String>,
}

impl TlsSettings {
    /// Trusts the authorities in this PEM file, and no others.
    #[must_use]
    pub fn ca_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_certificates = Some(file.into());
        self
    }

    /// Shows the certificates of one PEM file, whose private key is in another.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some((certificates.into(), key.into()));
        self
    }

    /// Sets the name that the other side's certificates must be valid for.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}
