//! Settings of connections, turned into those of the client library.

use std::fmt;
use std::time::Duration;

use fred::clients::Client;
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, Server, ServerConfig, TcpConfig,
};

use super::login::Login;
use super::node::Node;
use super::tls::Tls;
use crate::error::BuildError;
use crate::transport::redis::settings::{RedisSettings, SentinelSettings, bounded};

/// Share of the time limit of connecting in which the credentials must be read, so that the error says what was late.
const CREDENTIALS_SHARE: f64 = 0.9;

/// Settings of the connections to Redis, or to sentinels.
#[derive(Clone)]
pub(in super::super) struct Access {
    login: Login,
    /// `None` for 0, as the login may have no right to choose one.
    database: Option<u8>,
    tls: Option<Tls>,
    connect_timeout: Duration,
    pub(super) command_timeout: Duration,
    keep_alive: bool,
}

impl Access {
    /// Settings of connections to Redis. Reads the files that are named.
    pub(in super::super) fn redis(settings: &RedisSettings) -> Result<Self, BuildError> {
        let tls = settings.tls.as_ref();
        Ok(Self {
            login: Login::new(
                settings.username.as_ref(),
                settings.password.as_ref(),
                settings.password_file.as_ref(),
                settings.credentials.as_ref(),
                bounded(settings.connect_timeout).mul_f64(CREDENTIALS_SHARE),
            )?,
            database: Some(settings.database).filter(|number| *number > 0),
            tls: tls.map(|tls| Tls::new(tls, "tls")).transpose()?,
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
            login: Login::new(
                sentinel.username.as_ref(),
                sentinel.password.as_ref(),
                sentinel.password_file.as_ref(),
                sentinel.credentials.as_ref(),
                bounded(settings.connect_timeout).mul_f64(CREDENTIALS_SHARE),
            )?,
            database: None,
            tls: tls
                .map(|tls| Tls::new(tls, "tls (of the sentinels)"))
                .transpose()?,
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
        let server = Server::new(node.host.as_str(), node.port);
        let mut config = Config {
            // Without it, the first attempt counts as one of those that the policy allows.
            fail_fast: policy.is_none(),
            database: self.database,
            server: ServerConfig::Centralized { server },
            ..Config::default()
        };
        if let Some(tls) = &self.tls {
            tls.apply(&mut config);
        }
        self.login.apply(&mut config);
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
        // The login is not shown.
        f.debug_struct("Access")
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
