//! Authentication of callers, and their permissions.
//!
//! ```text
//! context.token ─▶ Authentication (job middleware) ─▶ Identity ─▶ #[action(requires = "orders.write")]
//! ```
//!
//! [`Authentication`] takes a token out of the context of each job and calls the service's own function, which returns
//! the [`Identity`] of the caller. Later middleware and handlers get it by `cx.identity()`. The server compares its
//! permissions with those that an action requires, before the request is validated, so that a caller without them
//! learns nothing about the action. Without authentication, an action that requires permissions would refuse every
//! call; [`ServerBuilder::build`](crate::ServerBuilder::build) refuses to build such a server.
//!
//! The token stays in the context, and so flows down with chained calls.
//! Over HTTP, a refusal is a 401 with a challenge that says if the token is missing, has expired, or is wrong.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use soa_wire::declared::{CHALLENGE_HEADER, bearer_challenge};

use crate::codec::Value;
use crate::error::{ActionError, JobError};
use crate::exchange::JobStage;
use crate::identity::Identity;
use crate::message::{ContextHeader, JobRequest, JobResponse, Name, code};
use crate::redact;
use crate::session::{DEFAULT_TOKEN_KEY, Session, SessionError, Sessions};
use crate::stack::{Middleware, Next};

/// Job middleware that authenticates callers.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::{Authentication, Credentials, Denied, Identity};
/// use soa::{Server, Value, value};
///
/// let authentication = Authentication::new(|credentials: Credentials| async move {
///     match credentials.token() {
///         "abc" => Ok(Identity::new("ada").with_permissions(["orders.write"])),
///         _ => Err(Denied::new("The token is not known")),
///     }
/// });
/// let server = Server::untyped("orders", "1.0.0")
///     .action("add", |_: Value, cx: soa::Context| async move {
///         Ok::<_, soa::ActionError>(value!({ "by": (cx.identity().map(|who| who.name().to_owned())) }))
///     })
///     .require("add", ["orders.write"])
///     .job_middleware(authentication)
///     .build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
pub struct Authentication<F> {
    hook: F,
    key: String,
    admits_anonymous: bool,
    exceptions: BTreeSet<Name>,
    sessions: Option<Sessions>,
}

impl<F, Fut> Authentication<F>
where
    F: Fn(Credentials) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, Denied>> + Send,
{
    /// Returns middleware that calls this function with each token, once for each job.
    pub fn new(hook: F) -> Self {
        Self {
            hook,
            key: DEFAULT_TOKEN_KEY.to_owned(),
            admits_anonymous: false,
            exceptions: BTreeSet::new(),
            sessions: None,
        }
    }
}

impl<F> Authentication<F> {
    /// Sets the key of the token in the context; `token` by default. From here on, the framework hides the value of
    /// this key in all logs of this process, also with [`Redaction`](crate::redact::Redaction)s that do not contain the
    /// name.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        redact::hide_token(&self.key);
        self
    }

    /// Admits jobs without a token, too, without an [`Identity`]; actions that require permissions refuse them. By
    /// default such jobs are refused. A wrong token is refused in any case.
    #[must_use]
    pub fn admit_anonymous(mut self) -> Self {
        self.admits_anonymous = true;
        self
    }

    /// Admits jobs that contain nothing but these actions, with any token: `status`, for a monitor of the service.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::{Authentication, Credentials, Denied, Identity};
    ///
    /// let authentication = Authentication::new(|credentials: Credentials| async move {
    ///     match credentials.token() {
    ///         "abc" => Ok(Identity::new("ada")),
    ///         _ => Err(Denied::new("The token is not known")),
    ///     }
    /// })
    /// .key("session")
    /// .admit_anonymous()
    /// .except(["status", "introspect"]);
    /// ```
    #[must_use]
    pub fn except<N: Into<Name>>(mut self, actions: impl IntoIterator<Item = N>) -> Self {
        self.exceptions.extend(actions.into_iter().map(Into::into));
        self
    }

    /// Gives the session of each token to the function ([`Credentials::session`]) and to handlers
    /// ([`Context::session`](crate::Context::session)). The key of the token is that of the authentication.
    #[must_use]
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    fn is_excepted(&self, job: &JobRequest) -> bool {
        let mut actions = job.actions.iter();
        !job.actions.is_empty() && actions.all(|request| self.exceptions.contains(&request.action))
    }

    fn refusal(&self, denied: Denied) -> JobError {
        let field = format!("context.{}", self.key);
        match denied.cause {
            None => {
                let challenge = bearer_challenge(denied.reason.unwrap_or(&denied.message));
                let error = JobError::new(code::ACCESS_DENIED, denied.message).field(field);
                error
                    .http_status(401)
                    .http_header(CHALLENGE_HEADER, challenge)
            }
            Some(error) => {
                let error: &(dyn Error + 'static) = error.as_ref();
                tracing::error!(error, "authentication failed");
                let message = "Internal server error: authentication failed";
                JobError::new(code::SERVER_ERROR, message).http_status(503)
            }
        }
    }
}

impl<F, Fut> Middleware<JobStage> for Authentication<F>
where
    F: Fn(Credentials) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, Denied>> + Send,
{
    async fn call(
        &self,
        mut job: JobRequest,
        next: Next<JobStage>,
    ) -> Result<JobResponse, JobError> {
        if let Some(sessions) = &self.sessions {
            sessions.give_to(&mut job, &self.key);
        }
        if self.is_excepted(&job) {
            return next.run(job).await;
        }
        match job.context.extra.get(&self.key) {
            None | Some(Value::Nil) if self.admits_anonymous => {}
            None | Some(Value::Nil) => {
                return Err(self.refusal(Denied::missing()));
            }
            Some(Value::Text(token)) => {
                let credentials = Credentials {
                    token: token.clone(),
                    context: job.context.clone(),
                    actions: job.actions.iter().map(|one| one.action.clone()).collect(),
                    session: job.extensions.get().cloned().unwrap_or_default(),
                };
                let identity = (self.hook)(credentials).await;
                let identity = identity.map_err(|denied| self.refusal(denied))?;
                job.extensions.insert(identity);
            }
            Some(_) => return Err(self.refusal(Denied::new("The token is not text"))),
        }
        next.run(job).await
    }

    fn authenticates(&self) -> bool {
        true
    }
}

impl<F> fmt::Debug for Authentication<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("key", &self.key)
            .field("admits_anonymous", &self.admits_anonymous)
            .field("exceptions", &self.exceptions)
            .finish_non_exhaustive()
    }
}

/// The credentials of the sender of a job.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::{Authentication, Credentials, Denied, Identity};
///
/// let authentication = Authentication::new(|credentials: Credentials| async move {
///     let is_known = credentials.token() == "abc" && credentials.context().caller.is_some();
///     let is_backup = credentials.actions().iter().all(|action| *action == "export");
///     match is_known && is_backup {
///         true => Ok(Identity::new("backup")),
///         false => Err(Denied::new("The token is for backups")),
///     }
/// });
/// ```
#[derive(Clone)]
pub struct Credentials {
    token: String,
    context: ContextHeader,
    actions: Vec<Name>,
    session: Session,
}

impl Credentials {
    /// Returns the token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the whole context of the job.
    pub fn context(&self) -> &ContextHeader {
        &self.context
    }

    /// Returns the names of the actions in the job.
    pub fn actions(&self) -> &[Name] {
        &self.actions
    }

    /// Returns the session of the token, of an authentication with [`sessions`](Authentication::sessions).
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl fmt::Debug for Credentials {
    /// Shows everything except for the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("caller", &self.context.caller)
            .field("actions", &self.actions)
            .finish_non_exhaustive()
    }
}

/// The refusal of a job.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::{Authentication, Credentials, Denied, Identity};
///
/// # async fn look_up(token: &str) -> std::io::Result<Option<String>> { Ok(None) }
/// let authentication = Authentication::new(|credentials: Credentials| async move {
///     match look_up(credentials.token()).await {
///         Ok(Some(name)) => Ok(Identity::new(name)),
///         Ok(None) => Err(Denied::new("The token is not known")),
///         Err(error) => Err(Denied::unavailable(error)),
///     }
/// });
/// ```
#[derive(Debug)]
pub struct Denied {
    message: String,
    /// The reason in a challenge over HTTP, if it is not the message.
    reason: Option<&'static str>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Denied {
    /// Refuses the token. The caller gets `ACCESS_DENIED` and this message; over HTTP, a 401 with it.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            reason: None,
            cause: None,
        }
    }

    /// Refuses a token that was valid once: the caller should get a new one.
    pub fn expired() -> Self {
        Self {
            reason: Some("the token has expired"),
            ..Self::new("The token has expired")
        }
    }

    fn missing() -> Self {
        Self {
            reason: Some("the token is missing"),
            ..Self::new("There is no token")
        }
    }

    /// Reports that the token could not be checked. The caller gets `SERVER_ERROR`; over HTTP, a 503. The reason is logged.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(error.into()),
            ..Self::new("")
        }
    }
}

/// See [`Denied::unavailable`].
impl From<SessionError> for Denied {
    fn from(error: SessionError) -> Self {
        Self::unavailable(error)
    }
}

/// Every caller has this identity: for tests, and for services that only one caller can reach.
impl Middleware<JobStage> for Identity {
    fn call(
        &self,
        mut job: JobRequest,
        next: Next<JobStage>,
    ) -> impl Future<Output = Result<JobResponse, JobError>> + Send {
        job.extensions.insert(self.clone());
        next.run(job)
    }

    fn authenticates(&self) -> bool {
        true
    }
}

/// Returns the error for a caller who lacks these permissions.
pub(crate) fn not_authorized(denied: Vec<String>) -> ActionError {
    let message = "The caller lacks permissions that this action requires";
    ActionError::caller(code::NOT_AUTHORIZED, message).denied_permissions(denied)
}
