//! Who calls, and what they may do.
//!
//! ```text
//! context.token ─▶ Authentication (job middleware) ─▶ Identity ─▶ #[action(requires = "orders.write")]
//! ```
//!
//! [`Authentication`] takes a token out of the context of each job and asks the service's own function whose it is. What
//! it finds, an [`Identity`], is seen by later middleware and by handlers: `cx.identity()`. The server compares its
//! permissions with what an action requires, before the request is validated, so that a caller without them learns
//! nothing about it. An action that requires something is refused to everybody while nobody authenticates; a server
//! that is made like this is a mistake, which [`ServerBuilder::build`](crate::ServerBuilder::build) tells.
//!
//! The token stays in the context, and so goes along with chained calls.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use crate::codec::Value;
use crate::error::{ActionError, JobError};
use crate::exchange::JobStage;
use crate::identity::Identity;
use crate::message::{ContextHeader, JobRequest, JobResponse, Name, code};
use crate::redact;
use crate::stack::{Middleware, Next};

/// Where the token is unless it is said.
const TOKEN: &str = "token";

/// Job middleware that finds out who calls.
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
    admits_anybody: bool,
    exceptions: BTreeSet<Name>,
}

impl<F, Fut> Authentication<F>
where
    F: Fn(Credentials) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, Denied>> + Send,
{
    /// Asks this function whose a token is, once for each job.
    pub fn new(hook: F) -> Self {
        Self {
            hook,
            key: TOKEN.to_owned(),
            admits_anybody: false,
            exceptions: BTreeSet::new(),
        }
    }
}

impl<F> Authentication<F> {
    /// Where in the context the token is; `token` by default. What is under this key is from here on hidden in all that the
    /// framework logs in this process, also under [`Redaction`](crate::redact::Redaction)s that have no such name.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        redact::hide_token(&self.key);
        self
    }

    /// Lets jobs without a token through, too, without an [`Identity`]; actions that require permissions refuse them. By
    /// default such jobs are refused. A token that is wrong is refused in any case.
    #[must_use]
    pub fn admit_anonymous(mut self) -> Self {
        self.admits_anybody = true;
        self
    }

    /// Lets jobs through that ask for nothing but these actions, whatever their token: `status`, for whoever watches over
    /// the service.
    #[must_use]
    pub fn except<N: Into<Name>>(mut self, actions: impl IntoIterator<Item = N>) -> Self {
        self.exceptions.extend(actions.into_iter().map(Into::into));
        self
    }

    fn is_excepted(&self, job: &JobRequest) -> bool {
        let mut actions = job.actions.iter();
        !job.actions.is_empty() && actions.all(|request| self.exceptions.contains(&request.action))
    }

    fn refusal(&self, denied: Denied) -> JobError {
        let field = format!("context.{}", self.key);
        match denied.cause {
            None => JobError::new(code::ACCESS_DENIED, denied.message).field(field),
            Some(error) => {
                let error: &(dyn Error + 'static) = error.as_ref();
                tracing::error!(error, "it cannot be found out who calls");
                let message = "Internal server error: it could not be found out who calls";
                JobError::new(code::SERVER_ERROR, message)
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
        if self.is_excepted(&job) {
            return next.run(job).await;
        }
        match job.context.extra.get(&self.key) {
            None | Some(Value::Nil) if self.admits_anybody => {}
            None | Some(Value::Nil) => {
                return Err(self.refusal(Denied::new("There is no token")));
            }
            Some(Value::Text(token)) => {
                let credentials = Credentials {
                    token: token.clone(),
                    context: job.context.clone(),
                    actions: job.actions.iter().map(|one| one.action.clone()).collect(),
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
            .field("admits_anybody", &self.admits_anybody)
            .field("exceptions", &self.exceptions)
            .finish_non_exhaustive()
    }
}

/// What a job says about who sent it.
#[derive(Clone)]
pub struct Credentials {
    token: String,
    context: ContextHeader,
    actions: Vec<Name>,
}

impl Credentials {
    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The whole context of the job.
    pub fn context(&self) -> &ContextHeader {
        &self.context
    }

    /// The names of the actions that are asked for.
    pub fn actions(&self) -> &[Name] {
        &self.actions
    }
}

impl fmt::Debug for Credentials {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("caller", &self.context.caller)
            .field("actions", &self.actions)
            .finish_non_exhaustive()
    }
}

/// Why nobody is let in.
#[derive(Debug)]
pub struct Denied {
    message: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Denied {
    /// The token is no good. The caller is told `ACCESS_DENIED` and this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            cause: None,
        }
    }

    /// It could not be found out. The caller is told `SERVER_ERROR`, and the log the reason.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            message: String::new(),
            cause: Some(error.into()),
        }
    }
}

/// Everybody is this one: for tests, and for services that only one can reach.
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

/// The error for a caller who lacks these permissions.
pub(crate) fn not_authorized(denied: Vec<String>) -> ActionError {
    let message = "The caller lacks permissions that this action requires";
    ActionError::caller(code::NOT_AUTHORIZED, message).denied_permissions(denied)
}
