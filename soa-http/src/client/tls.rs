//! The certificates that the client trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use soa_runtime::BuildError;

/// Returns the settings of TLS: the certificates of a file, or those of the system.
pub(super) fn config(file: Option<&Path>) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let wrong = |why: &dyn std::fmt::Display| {
                let file = file.display();
                BuildError::new(format!(
                    "`trusted_certificates`: {file} cannot be used: {why}"
                ))
            };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|why| wrong(&why))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|why| wrong(&why))?;
                roots.add(certificate).map_err(|why| wrong(&why))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"it has no certificate"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    // The provider is named, as the program may have another one for its own purposes.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let config = config.map_err(|error| BuildError::new(format!("TLS cannot be used: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
