//! Settings of connections, turned into those of the client library.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use fred::rustls::{ClientConfig, RootCertStore, crypto};
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, Server, ServerConfig, TcpConfig,
    TlsConfig,
};

use super::node::Node;
use crate::error::BuildError;
use crate::transport::redis::settings::{RedisSettings, SentinelSettings, TlsSettings};

/// Settings of the connections to Redis, or to sentinels.
#[derive(Clone)]
pub(in super::super) struct Access {
    username: Option<String>,
    password: Option<String>,
    /// `None` for 0, as the login may have no right to choose one.
    database: Option<u8>,
    tls: Option<TlsConfig>,
    server_name: Option<String>,
    connect_timeout: Duration,
    pub(super) command_timeout: Duration,
    keep_alive: bool,
}

impl Access {
    /// Settings of connections to Redis. Reads the files that are named.
    pub(in super::super) fn redis(settings: &RedisSettings) -> Result<Self, BuildError> {
        let tls = settings.tls.as_ref();
        Ok(Self {
            username: settings.username.clone(),
            password: settings.password.clone(),
            database: Some(settings.database).filter(|number| *number > 0),
            tls: tls.map(|tls| read(tls, "tls")).transpose()?,
            server_name: tls.and_then(|tls| tls.server_name.clone()),
            connect_timeout: settings.connect_timeout,
            command_timeout: settings.command_timeout,
            keep_alive: settings.keep_alive,
        })
    }

    /// Settings of connections to sentinels. Reads the files that are named.
    pub(in super::super) fn sentinels(
        settings: &RedisSettings,
        sentinel: &SentinelSettings,
    ) -> Result<Self, BuildError> {
        let tls = sentinel.tls.as_ref();
        Ok(Self {
            username: sentinel.username.clone(),
            password: sentinel.password.clone(),
            database: None,
            tls: tls
                .map(|tls| read(tls, "tls (of the sentinels)"))
                .transpose()?,
            server_name: tls.and_then(|tls| tls.server_name.clone()),
            connect_timeout: settings.connect_timeout,
            command_timeout: settings.command_timeout,
            keep_alive: settings.keep_alive,
        })
    }

    /// Time limit of connecting and of one command together.
    pub(super) fn time_limit(&self) -> Duration {
        self.connect_timeout.saturating_add(self.command_timeout)
    }

    /// A client that is not connected yet. Without a policy it makes a single attempt.
    pub(super) fn client(&self, node: &Node, policy: Option<ReconnectPolicy>) -> Client {
        let mut server = Server::new(node.host.as_str(), node.port);
        server.tls_server_name = self.server_name.as_deref().map(Into::into);
        let config = Config {
            // Without it, the first attempt counts as one of those that the policy allows.
            fail_fast: policy.is_none(),
            username: self.username.clone(),
            password: self.password.clone(),
            database: self.database,
            server: ServerConfig::Centralized { server },
            tls: self.tls.clone(),
            ..Config::default()
        };
        let connection = ConnectionConfig {
            connection_timeout: self.connect_timeout,
            internal_command_timeout: self.connect_timeout,
            max_command_attempts: 1,
            reconnect_on_auth_error: true,
            tcp: TcpConfig {
                nodelay: Some(true),
                keepalive: self.keep_alive.then(TcpKeepalive::new),
                ..TcpConfig::default()
            },
            ..ConnectionConfig::default()
        };
        let performance = PerformanceConfig::default();
        Client::new(config, Some(performance), Some(connection), policy)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password is not shown.
        f.debug_struct("Access")
            .field("username", &self.username)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// Reads the files of TLS.
fn read(settings: &TlsSettings, field: &str) -> Result<TlsConfig, BuildError> {
    let bad = |what: &str, why: &dyn Display| {
        BuildError::new(format!(
            "the setting `{field}` cannot be used: {what}: {why}"
        ))
    };
    let mut roots = RootCertStore::empty();
    match &settings.ca_certificates {
        Some(file) => {
            let field = "`ca_certificates`";
            for certificate in certificates(file).map_err(|why| bad(field, &why))? {
                roots.add(certificate).map_err(|why| bad(field, &why))?;
            }
        }
        None => {
            let system = fred::rustls_native_certs::load_native_certs();
            // Systems have some that cannot be read; it is enough that there are others.
            roots.add_parsable_certificates(system.certs);
            if roots.is_empty() {
                let why = "the system has no certificate authorities; set the path of a PEM file";
                return Err(bad("`ca_certificates`", &why));
            }
        }
    }
    // The provider is named, as the program may have another one for its own purposes.
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| bad("no version of TLS", &why))?
        .with_root_certificates(roots);
    let config = match &settings.client_certificate {
        None => config.with_no_client_auth(),
        Some((shown, key)) => {
            let field = "`client_certificate`";
            let shown = certificates(shown).map_err(|why| bad(field, &why))?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|why| bad(field, &format!("{}: {why}", key.display())))?;
            let config = config.with_client_auth_cert(shown, key);
            config.map_err(|why| bad(field, &why))?
        }
    };
    Ok(config.into())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bad = |why: &dyn Display| format!("{}: {why}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|why| bad(&why))?;
    let certificates: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|why| bad(&why))?;
    if certificates.is_empty() {
        return Err(bad(&"no certificate found in the file"));
    }
    Ok(certificates)
}
