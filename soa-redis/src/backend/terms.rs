//! The terms of a connection, whoever makes it.

use std::time::Duration;

use super::login::Login;

/// The login and the settings of a connection to Redis, or to a sentinel.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) login: Login,
    /// `None` for 0, as the login may have no right to choose one.
    pub(super) database: Option<u8>,
    pub(super) connect_timeout: Duration,
    pub(super) keep_alive: bool,
}
