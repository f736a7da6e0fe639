//! TLS towards Redis, with certificates and keys that are read again for each connection.
//!
//! Certificates live for weeks, processes longer. The files are read when the connection is configured, so that mistakes are
//! told at once, and again in each handshake. A file that cannot be read then, or a certificate and a key that do not belong
//! together because one of them is being replaced, is logged, and what was read last is used.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use fred::rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use fred::rustls::crypto::{self, CryptoProvider};
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use fred::rustls::sign::CertifiedKey;
use fred::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use fred::types::config::{Config, ServerConfig, TlsConfig};
use soa_runtime::BuildError;
use soa_wire::log_limit::LogLimit;

use crate::settings::TlsSettings;

/// Time before a file that cannot be read is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// TLS as the library has it.
#[derive(Clone)]
pub(in super::super) struct Tls {
    config: TlsConfig,
    server_name: Option<String>,
}

impl Tls {
    /// Configures TLS, and reads the files of the settings. `field` is the name of the settings in errors.
    pub(in super::super) fn new(settings: &TlsSettings, field: &str) -> Result<Self, BuildError> {
        Ok(Self {
            config: configured(settings, field)?,
            server_name: settings.server_name.clone(),
        })
    }

    /// Sets it in the library's configuration of one server.
    pub(super) fn apply(&self, config: &mut Config) {
        config.tls = Some(self.config.clone());
        if let ServerConfig::Centralized { server } = &mut config.server {
            server.tls_server_name = self.server_name.as_deref().map(Into::into);
        }
    }
}

fn configured(settings: &TlsSettings, field: &str) -> Result<TlsConfig, BuildError> {
    let bad = |what: &str, why: &dyn Display| {
        BuildError::new(format!(
            "the setting `{field}` cannot be used: {what}: {why}"
        ))
    };
    // The provider is named, as the program may have another one for its own purposes.
    let provider = Arc::new(crypto::ring::default_provider());
    let authorities = match &settings.ca_certificates {
        Some(file) => Authorities::from_file(file, &provider),
        None => Authorities::of_system(&provider),
    };
    let authorities = authorities.map_err(|why| bad("`ca_certificates`", &why))?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|why| bad("no version of TLS", &why))?
        // Nothing is waived: the usual verifier checks each certificate.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(authorities));
    let mut config = match &settings.client_certificate {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let identity = Identity::from_files(certificate, key, &provider);
            let identity = identity.map_err(|why| bad("`client_certificate`", &why))?;
            config.with_client_cert_resolver(Arc::new(identity))
        }
    };
    // A session that is resumed would go on with the certificates of its first connection.
    config.resumption = Resumption::disabled();
    Ok(config.into())
}

/// The content that was last read from a file, and the limit of log lines about it.
struct LastRead<T> {
    value: Mutex<T>,
    failures: LogLimit,
}

impl<T: Clone> LastRead<T> {
    fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            failures: LogLimit::every(LOG_INTERVAL),
        }
    }

    fn get(&self) -> T {
        self.lock().clone()
    }

    /// Takes what was read, or keeps what was read before, and logs why.
    fn update(&self, read: Result<T, String>) -> T {
        match read {
            Ok(value) => *self.lock() = value,
            Err(error) => {
                if let Some(kept_back) = self.failures.count() {
                    tracing::warn!(
                        error,
                        kept_back,
                        "reading certificates for TLS failed; those that were read before are used"
                    );
                }
            }
        }
        self.get()
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // Nothing panics while this is held.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trusted authorities, which check the certificate of the server.
struct Authorities {
    /// `None` for those of the system, which are read once.
    file: Option<PathBuf>,
    provider: Arc<CryptoProvider>,
    last: LastRead<Trusted>,
}

/// Authorities, and the file that they were read from.
#[derive(Clone)]
struct Trusted {
    pem: Vec<u8>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Authorities {
    fn from_file(file: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let pem = read(file)?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(file, &pem)? {
            let added = roots.add(certificate);
            added.map_err(|why| format!("{}: {why}", file.display()))?;
        }
        let verifier = verifier(roots, provider)?;
        Ok(Self {
            file: Some(file.to_owned()),
            provider: Arc::clone(provider),
            last: LastRead::new(Trusted { pem, verifier }),
        })
    }

    fn of_system(provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // Systems have some that cannot be read; it is enough that there are others.
        roots.add_parsable_certificates(fred::rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let why = "the system has no certificate authorities; set the path of a PEM file";
            return Err(why.to_owned());
        }
        let verifier = verifier(roots, provider)?;
        let pem = Vec::new();
        Ok(Self {
            file: None,
            provider: Arc::clone(provider),
            last: LastRead::new(Trusted { pem, verifier }),
        })
    }

    /// The verifier for what the file says now.
    fn current(&self) -> Arc<WebPkiServerVerifier> {
        let last = self.last.get();
        let Some(file) = &self.file else {
            return last.verifier;
        };
        if read(file).is_ok_and(|pem| pem == last.pem) {
            return last.verifier;
        }
        let read = Self::from_file(file, &self.provider).map(|read| read.last.get());
        self.last.update(read).verifier
    }
}

fn verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
    verifier.map_err(|why| why.to_string())
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.current();
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verifier = self.last.get().verifier;
        verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verifier = self.last.get().verifier;
        verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.last.get().verifier.supported_verify_schemes()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorities").field(&self.file).finish()
    }
}

/// The certificate that is presented to the server, and its private key.
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    last: LastRead<Arc<CertifiedKey>>,
}

impl Identity {
    fn from_files(
        certificate: &Path,
        key: &Path,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let chain = certificates(certificate, &read(certificate)?)?;
        let read = PrivateKeyDer::from_pem_slice(&read(key)?);
        let private = read.map_err(|why| format!("{}: {why}", key.display()))?;
        let certified = CertifiedKey::from_der(chain, private, provider);
        let certified = certified.map_err(|why| format!("{}: {why}", certificate.display()))?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider: Arc::clone(provider),
            last: LastRead::new(Arc::new(certified)),
        })
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let read = Self::from_files(&self.certificate, &self.key, &self.provider);
        Some(self.last.update(read.map(|read| read.last.get())))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.certificate).finish()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|why| format!("{}: {why}", file.display()))
}

fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem);
    let certificates: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|why| format!("{}: {why}", file.display()))?;
    if certificates.is_empty() {
        let what = "no certificate found in the file";
        return Err(format!("{}: {what}", file.display()));
    }
    Ok(certificates)
}
