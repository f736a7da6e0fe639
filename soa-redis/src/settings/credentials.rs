//! Logins that a callback gives.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use soa_runtime::BoxFuture;

/// A login at Redis or at a sentinel, as the callback of [`RedisSettings::credentials`](super::RedisSettings::credentials)
/// returns it. `Debug` shows no password.
///
/// ```
/// use soa::RedisCredentials;
///
/// let credentials = RedisCredentials::user("worker", "secret");
/// assert!(!format!("{credentials:?}").contains("secret"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisCredentials {
    /// Name of the ACL user; the default user if it is not set.
    pub username: Option<String>,
    /// Password.
    pub password: String,
}

impl RedisCredentials {
    /// A login with a password, as the default user.
    pub fn password(password: impl Into<String>) -> Self {
        Self {
            username: None,
            password: password.into(),
        }
    }

    /// A login as an ACL user.
    pub fn user(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: Some(name.into()),
            password: password.into(),
        }
    }
}

impl fmt::Debug for RedisCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCredentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The outcome of a callback.
pub(in super::super) type ReadCredentials = Result<RedisCredentials, Box<dyn Error + Send + Sync>>;

/// A callback that gives logins. Two of them are equal if they are clones of one.
#[derive(Clone)]
pub(in super::super) struct CredentialSource(
    Arc<dyn Fn() -> BoxFuture<ReadCredentials> + Send + Sync>,
);

impl CredentialSource {
    pub(super) fn new<F, Fut, E>(read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<RedisCredentials, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Arc::new(move || {
            let read = read();
            Box::pin(async move { read.await.map_err(Into::into) })
        }))
    }

    /// Asks for a login.
    pub(in super::super) fn read(&self) -> BoxFuture<ReadCredentials> {
        (self.0)()
    }
}

impl PartialEq for CredentialSource {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CredentialSource {}
