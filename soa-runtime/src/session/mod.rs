//! Sessions: a value for each token, in a store, with an expiry.
//!
//! ```text
//! token ─▶ Sessions (or Authentication) ─▶ cx.session::<Cart>() ─▶ SessionStore, by the hash of the token
//! ```
//!
//! The middleware gives each job the session of its token, which is read when a handler asks for it. Other jobs do not notice
//! if the store is away. A session ends when it is removed, or when its time is over, counted from when it was set. Nothing
//! of it is sent to callers. Stores know a token by its SHA-256 only, so nobody who reads a store can call with what is in it.

mod memory;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::BoxFuture;
use crate::codec::{Value, msgpack};
use crate::context::Context;
use crate::error::{ActionError, JobError};
use crate::exchange::JobStage;
use crate::message::{JobRequest, JobResponse};
use crate::redact;
use crate::stack::{Middleware, Next};

pub use memory::MemorySessions;

/// The default key of the token in the context.
pub(crate) const DEFAULT_TOKEN_KEY: &str = "token";

/// The time after which a session ends, unless another is set.
const DEFAULT_EXPIRY: Duration = Duration::from_secs(3600);

/// Sessions: job middleware that gives handlers the session of the caller's token. Cheap to clone.
///
/// [`Context::session`], [`Context::set_session`] and [`Context::end_session`] are about the token of the job. An action that
/// logs somebody in makes a token with [`open`](Self::open).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::Sessions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = Sessions::in_memory();
/// let token = sessions.open("ada").await?;
/// assert_eq!(sessions.of(&token).get::<String>().await?.as_deref(), Some("ada"));
/// let server = soa::Server::untyped("shop", "1.0.0").job_middleware(sessions).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    key: String,
    expiry: Duration,
}

impl Sessions {
    /// Returns sessions in a store, which end after an hour.
    pub fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            key: DEFAULT_TOKEN_KEY.to_owned(),
            expiry: DEFAULT_EXPIRY,
        }
    }

    /// Returns sessions in the memory of this process, up to 1000 of them: see [`MemorySessions`].
    pub fn in_memory() -> Self {
        Self::new(MemorySessions::default())
    }

    /// Sets the time after which a session ends, counted from when it was set; an hour by default.
    #[must_use]
    pub fn expiry(mut self, time: Duration) -> Self {
        self.expiry = time;
        self
    }

    /// Sets the key of the token in the context; `token` by default. The framework hides its value in all logs.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        redact::hide_token(&self.key);
        self
    }

    /// Makes a session with a new token, and returns the token: 64 hexadecimal digits, which nobody can guess.
    ///
    /// # Errors
    /// See [`Session::set`].
    pub async fn open<T: Serialize + ?Sized>(&self, session: &T) -> Result<String, SessionError> {
        let [first, second] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
        let token = format!("{}{}", first.simple(), second.simple());
        self.of(&token).set(session).await?;
        Ok(token)
    }

    /// Returns the session of a token. Nothing is read yet.
    pub fn of(&self, token: &str) -> Session {
        let digest = Sha256::digest(token.as_bytes());
        let digits = digest.iter().map(|byte| format!("{byte:02x}"));
        Session {
            id: Some(digits.collect()),
            sessions: Some(self.clone()),
        }
    }

    /// Gives a job the session of the token under this key of its context.
    pub(crate) fn give_to(&self, job: &mut JobRequest, key: &str) {
        let of_nobody = Session {
            id: None,
            sessions: Some(self.clone()),
        };
        let token = job.context.extra.get(key).and_then(Value::as_str);
        // Callers with an empty token would share a session.
        let token = token.filter(|token| !token.is_empty());
        let session = token.map_or(of_nobody, |token| self.of(token));
        job.extensions.insert(session);
    }
}

impl Middleware<JobStage> for Sessions {
    fn call(
        &self,
        mut job: JobRequest,
        next: Next<JobStage>,
    ) -> impl Future<Output = Result<JobResponse, JobError>> + Send {
        self.give_to(&mut job, &self.key);
        next.run(job)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("key", &self.key)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

/// A store of sessions, which are bytes to it.
///
/// A session is known by its id, the SHA-256 of its token in hexadecimal digits. A store drops what has expired by itself.
pub trait SessionStore: Send + Sync + 'static {
    /// Reads a session; `None` if there is none, or if it has expired.
    fn load(&self, id: &str) -> BoxFuture<Result<Option<Bytes>, SessionError>>;

    /// Makes or replaces a session, which expires after this time.
    fn save(
        &self,
        id: &str,
        session: Bytes,
        expiry: Duration,
    ) -> BoxFuture<Result<(), SessionError>>;

    /// Removes a session. Returns true if there was one.
    fn remove(&self, id: &str) -> BoxFuture<Result<bool, SessionError>>;
}

/// The failure of a store of sessions, or of a session that cannot be written. For callers it is an internal error; over HTTP,
/// a 503.
#[derive(Debug)]
pub struct SessionError(Box<dyn Error + Send + Sync>);

impl SessionError {
    /// Returns the error of a store, with its cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session cannot be read or written")
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = self.0.as_ref();
        Some(cause)
    }
}

impl From<SessionError> for ActionError {
    fn from(error: SessionError) -> Self {
        Self::internal(error).http_status(503)
    }
}

/// The session of one token. Clones are the same session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// `None` if the job has no token.
    id: Option<String>,
    sessions: Option<Sessions>,
}

impl Session {
    /// Returns the session, as the store has it now; `None` if there is no token, or if the session has ended.
    ///
    /// A session that is not a `T` counts as none: its type may have changed since. This is logged.
    ///
    /// # Errors
    /// The store cannot be reached; or the server has no [`Sessions`].
    pub async fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, SessionError> {
        let store = &self.all()?.store;
        let Some(id) = &self.id else { return Ok(None) };
        let Some(session) = store.load(id).await? else {
            return Ok(None);
        };
        let decoded = msgpack::from_slice(&session).inspect_err(|error| {
            let wanted = std::any::type_name::<T>();
            tracing::warn!(%error, wanted, "a session has another type, and counts as none");
        });
        Ok(decoded.ok())
    }

    /// Makes or replaces the session. Its time begins anew.
    ///
    /// # Errors
    /// As for [`get`](Self::get); or there is no token, or the value cannot be encoded.
    pub async fn set<T: Serialize + ?Sized>(&self, session: &T) -> Result<(), SessionError> {
        let Sessions { store, expiry, .. } = self.all()?;
        let none = || SessionError::new("the job has no token: make one with `Sessions::open`");
        let id = self.id.as_ref().ok_or_else(none)?;
        let session = msgpack::to_vec(session).map_err(SessionError::new)?;
        store.save(id, session.into(), *expiry).await
    }

    /// Ends the session: a log-out. Returns true if there was one.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn end(&self) -> Result<bool, SessionError> {
        let store = &self.all()?.store;
        match &self.id {
            Some(id) => store.remove(id).await,
            None => Ok(false),
        }
    }

    fn all(&self) -> Result<&Sessions, SessionError> {
        let none = "the server has no sessions: add `.job_middleware(Sessions::new(…))`";
        self.sessions
            .as_ref()
            .ok_or_else(|| SessionError::new(none))
    }
}

impl Context {
    /// Returns the session of the caller's token: see [`Session::get`](crate::middleware::Session::get).
    ///
    /// # Errors
    /// The store cannot be reached; or the server has no [`Sessions`](crate::middleware::Sessions).
    pub async fn session<T: DeserializeOwned>(&self) -> Result<Option<T>, SessionError> {
        self.own_session().get().await
    }

    /// Makes or replaces the session of the caller's token: see [`Session::set`](crate::middleware::Session::set).
    ///
    /// # Errors
    /// As for [`session`](Self::session); or the job has no token, or the value cannot be encoded.
    pub async fn set_session<T: Serialize + ?Sized>(
        &self,
        session: &T,
    ) -> Result<(), SessionError> {
        self.own_session().set(session).await
    }

    /// Ends the session of the caller's token. Returns true if there was one.
    ///
    /// # Errors
    /// As for [`session`](Self::session).
    pub async fn end_session(&self) -> Result<bool, SessionError> {
        self.own_session().end().await
    }

    fn own_session(&self) -> Session {
        self.extension().cloned().unwrap_or_default()
    }
}
