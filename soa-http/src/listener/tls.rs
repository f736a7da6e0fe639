//! TLS: the certificate, which is read again when its file changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::settings::HttpTlsSettings;

/// The interval at which the files are looked at, while connections come.
const FILE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the files of the settings.
///
/// # Errors
/// A file cannot be read; or the key does not belong to the certificate.
pub(super) fn acceptor(settings: &HttpTlsSettings) -> io::Result<TlsAcceptor> {
    // The provider is named, as the program may have another one for its own purposes.
    let provider = Arc::new(ring::default_provider());
    let certificate = Certificate::new(settings, &provider);
    let certificate = certificate
        .map_err(|why| io::Error::other(format!("TLS of HTTP cannot be used: {why}")))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificate));
    let mut config = config;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// The certificate and its key, as they were last read.
struct Certificate {
    files: [PathBuf; 2],
    provider: Arc<CryptoProvider>,
    last: Mutex<LastRead>,
}

struct LastRead {
    at: Instant,
    pem: [Vec<u8>; 2],
    certified: Arc<CertifiedKey>,
    is_failing: bool,
}

impl Certificate {
    fn new(settings: &HttpTlsSettings, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let files = [settings.certificate.clone(), settings.key.clone()];
        let pem = read(&files)?;
        let certified = Arc::new(certified(&files, &pem, provider)?);
        Ok(Self {
            files,
            provider: Arc::clone(provider),
            last: Mutex::new(LastRead {
                at: Instant::now(),
                pem,
                certified,
                is_failing: false,
            }),
        })
    }

    /// Reads the files again if they have changed. Those that cannot be used, because only one of them is there already,
    /// leave what there is.
    fn current(&self) -> Arc<CertifiedKey> {
        // Nothing panics while this is held.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.elapsed() < FILE_CHECK_INTERVAL {
            return Arc::clone(&last.certified);
        }
        last.at = Instant::now();
        let changed = read(&self.files).and_then(|pem| match pem == last.pem {
            true => Ok(None),
            false => certified(&self.files, &pem, &self.provider).map(|read| Some((pem, read))),
        });
        match changed {
            Ok(None) => last.is_failing = false,
            Ok(Some((pem, read))) => {
                tracing::info!("the certificate of HTTP has changed, and was read again");
                last.pem = pem;
                last.certified = Arc::new(read);
                last.is_failing = false;
            }
            Err(error) => {
                if !last.is_failing {
                    tracing::warn!(
                        error,
                        "reading the certificate of HTTP failed; the last one is used"
                    );
                }
                last.is_failing = true;
            }
        }
        Arc::clone(&last.certified)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.files[0]).finish()
    }
}

fn read(files: &[PathBuf; 2]) -> Result<[Vec<u8>; 2], String> {
    let read =
        |file: &PathBuf| std::fs::read(file).map_err(|why| format!("{}: {why}", file.display()));
    let [certificate, key] = files;
    Ok([read(certificate)?, read(key)?])
}

fn certified(
    [certificate, key]: &[PathBuf; 2],
    [certificate_pem, key_pem]: &[Vec<u8>; 2],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let certificates = CertificateDer::pem_slice_iter(certificate_pem);
    let certificates: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|why| format!("{}: {why}", certificate.display()))?;
    if certificates.is_empty() {
        let what = "no certificate found in the file";
        return Err(format!("{}: {what}", certificate.display()));
    }
    let parsed = PrivateKeyDer::from_pem_slice(key_pem);
    let parsed = parsed.map_err(|why| format!("{}: {why}", key.display()))?;
    let certified = CertifiedKey::from_der(certificates, parsed, provider);
    certified.map_err(|why| format!("{}: {why}", key.display()))
}
