//! Settings of connections, and the connections that are made with them.

use std::fmt;
use std::time::Duration;

use soa_runtime::{BoxFuture, BuildError};

use super::dialogue::Dialogue;
use super::error::{Error, ErrorKind};
use super::login::Login;
use super::node::Node;
use super::terms::Terms;
use super::tls::{Client, Lifetime, Tls};
use super::wire::Wire;
use crate::settings::{RedisSettings, SentinelSettings, bounded};

/// Share of the time limit of connecting in which the credentials must be read, so that the error says what was late.
const CREDENTIALS_SHARE: f64 = 0.9;

/// Settings of the connections to Redis, or to sentinels.
#[derive(Clone)]
pub(in super::super) struct Access {
    terms: Terms,
    tls: Option<Tls>,
    pub(super) command_timeout: Duration,
}

impl Access {
    /// Settings of connections to Redis. Reads the files that are named.
    pub(in super::super) fn redis(settings: &RedisSettings) -> Result<Self, BuildError> {
        let tls = settings.tls.as_ref();
        Ok(Self {
            terms: Terms {
                login: Login::new(
                    settings.username.as_ref(),
                    settings.password.as_ref(),
                    settings.password_file.as_ref(),
                    settings.credentials.as_ref(),
                    bounded(settings.connect_timeout).mul_f64(CREDENTIALS_SHARE),
                )?,
                database: Some(settings.database).filter(|number| *number > 0),
                connect_timeout: settings.connect_timeout,
                keep_alive: settings.keep_alive,
            },
            tls: tls.map(|tls| Tls::new(tls, "tls")).transpose()?,
            command_timeout: settings.command_timeout,
        })
    }

    /// Settings of connections to sentinels. Reads the files that are named.
    pub(in super::super) fn sentinels(
        settings: &RedisSettings,
        sentinel: &SentinelSettings,
    ) -> Result<Self, BuildError> {
        let tls = sentinel.tls.as_ref();
        Ok(Self {
            terms: Terms {
                login: Login::new(
                    sentinel.username.as_ref(),
                    sentinel.password.as_ref(),
                    sentinel.password_file.as_ref(),
                    sentinel.credentials.as_ref(),
                    bounded(settings.connect_timeout).mul_f64(CREDENTIALS_SHARE),
                )?,
                database: None,
                connect_timeout: settings.connect_timeout,
                keep_alive: settings.keep_alive,
            },
            tls: tls
                .map(|tls| Tls::new(tls, "tls (of the sentinels)"))
                .transpose()?,
            command_timeout: settings.command_timeout,
        })
    }

    /// Time limit of connecting and of one command together.
    pub(super) fn time_limit(&self) -> Duration {
        let connecting = self.terms.connect_timeout;
        connecting.saturating_add(self.command_timeout)
    }

    /// An encrypted connection, which is not made yet; `None` if it is to be one of our own.
    pub(super) fn client(&self, node: &Node, lifetime: Lifetime) -> Option<Client> {
        let tls = self.tls.as_ref()?;
        Some(Client::new(tls, &self.terms, node, lifetime))
    }

    /// True if connections are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Makes a connection of our own for many commands, and logs in. Returns the connection, its number at Redis if that tells
    /// it, and the driver that is to be run as long as the connection is in use.
    ///
    /// # Errors
    /// Redis cannot be reached, or refuses the login.
    pub(super) async fn dial(
        &self,
        node: &Node,
    ) -> Result<(Wire, Option<i64>, BoxFuture<Error>), Error> {
        let dialled = async {
            let mut dialogue = Dialogue::open(node, &self.terms).await?;
            let number = dialogue.number().await?;
            let (wire, driver) = Wire::of(dialogue)?;
            let driver: BoxFuture<Error> = Box::pin(driver);
            Ok((wire, number, driver))
        };
        self.in_time(dialled).await
    }

    /// Makes a connection of our own for few commands, and logs in.
    ///
    /// # Errors
    /// Redis cannot be reached, or refuses the login.
    pub(super) async fn dialogue(&self, node: &Node) -> Result<Dialogue, Error> {
        self.in_time(Dialogue::open(node, &self.terms)).await
    }

    async fn in_time<T>(
        &self,
        connecting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = |_| Err(Error::new(ErrorKind::Timeout, "connecting timed out"));
        let connected = tokio::time::timeout(self.terms.connect_timeout, connecting).await;
        connected.unwrap_or_else(late)
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
