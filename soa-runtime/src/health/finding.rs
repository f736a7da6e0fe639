//! The findings of a health check.

use std::borrow::Cow;
use std::sync::Arc;

use crate::codec::{Map, Value};
use crate::error::{ActionError, IntoActionError};
use crate::message::{ContextHeader, Name};

/// The result of a health check.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::health::Health;
///
/// let lag = 90;
/// let health = if lag > 60 {
///     Health::warning("REPLICA_LAG", format!("The replica is {lag} s behind"))
/// } else {
///     Health::ok()
/// };
/// let health = health.diagnostic("replica_lag_seconds", lag);
/// assert!(!health.is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    pub(crate) errors: Vec<Finding>,
    pub(crate) warnings: Vec<Finding>,
    pub(crate) diagnostics: Map,
    details: Option<String>,
    /// True if its texts are those of an internal error, which are for the log.
    is_internal: bool,
}

/// The status of a check, or of several: the worst of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HealthStatus {
    /// All is well.
    #[default]
    Ok,
    /// Something may become a problem.
    Warning,
    /// Something keeps the service from working.
    Error,
}

/// The outcome of one check, for the doors; without a text for people, the details are empty.
#[doc(hidden)]
#[derive(Debug)]
pub struct CheckReport {
    pub name: Name,
    pub status: HealthStatus,
    pub details: String,
}

/// A code for programs and a text for people.
pub(crate) type Finding = (String, String);

impl Health {
    /// Returns a result without errors and warnings.
    pub fn ok() -> Self {
        Self::default()
    }

    /// Returns a warning: something may become a problem.
    pub fn warning(code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self {
            warnings: vec![(code.into().into_owned(), text.into())],
            ..Self::default()
        }
    }

    /// Returns an error: something keeps the service from working.
    pub fn error(code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self {
            errors: vec![(code.into().into_owned(), text.into())],
            ..Self::default()
        }
    }

    /// Adds a value for a closer look. All checks share the keys.
    #[must_use]
    pub fn diagnostic(mut self, key: impl Into<Value>, value: impl Into<Value>) -> Self {
        self.diagnostics.insert(key, value);
        self
    }

    /// Sets the text that the health over HTTP has for the check; by default the texts of its errors and warnings.
    #[must_use]
    pub fn details(mut self, text: impl Into<String>) -> Self {
        self.details = Some(text.into());
        self
    }

    /// Combines two results.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::health::Health;
    ///
    /// let replica = Health::warning("REPLICA_LAG", "The replica is 90 s behind");
    /// let disk = Health::ok().diagnostic("free_bytes", 1_000_000);
    /// assert!(!replica.and(disk).is_ok());
    /// ```
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
        for (key, value) in other.diagnostics {
            self.diagnostics.insert(key, value);
        }
        self.details = match (self.details, other.details) {
            (Some(first), Some(second)) => Some(format!("{first}; {second}")),
            (first, second) => first.or(second),
        };
        self.is_internal |= other.is_internal;
        self
    }

    /// Returns the status: that of its worst finding.
    pub fn status(&self) -> HealthStatus {
        match () {
            () if !self.errors.is_empty() => HealthStatus::Error,
            () if !self.warnings.is_empty() => HealthStatus::Warning,
            () => HealthStatus::Ok,
        }
    }

    /// Returns true if there are neither errors nor warnings.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.warnings.is_empty()
    }
}

impl Health {
    /// Returns the text over HTTP.
    pub(super) fn text(&self, tells_internal_errors: bool) -> String {
        match &self.details {
            Some(details) if !(self.is_internal && tells_internal_errors) => details.clone(),
            _ => {
                let found = self.errors.iter().chain(&self.warnings);
                let texts: Vec<&str> = found.map(|(_, text)| text.as_str()).collect();
                texts.join("; ")
            }
        }
    }

    /// Puts an id in place of the text over HTTP, if that is the text of an internal error. Returns the id.
    pub(super) fn hide_text(&mut self) -> Option<Arc<str>> {
        let id = self.is_internal.then(ContextHeader::fresh_correlation_id)?;
        let hidden = format!("The details are in the log of the service, error id {id}");
        self.details = Some(hidden);
        Some(id)
    }
}

impl From<Health> for Value {
    /// Makes the value that `status` has under `healthcheck`: `errors` and `warnings`, each a list of code and text, and
    /// `diagnostics`.
    fn from(health: Health) -> Self {
        let findings = |findings: Vec<Finding>| -> Value {
            let findings = findings.into_iter();
            let pairs = findings.map(|(code, text)| Value::List(vec![code.into(), text.into()]));
            pairs.collect()
        };
        Self::from(Map::from([
            ("errors", findings(health.errors)),
            ("warnings", findings(health.warnings)),
            ("diagnostics", health.diagnostics.into()),
        ]))
    }
}

/// A type that a health check may return: a [`Health`], nothing (all is well), or a `Result` of these, whose error
/// becomes an error of the check.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::health::HealthCheck;
/// use soa::{ActionError, Context};
///
/// // An error of the check becomes an error of `status`.
/// let spool = HealthCheck::new("spool", |_cx: Context| async {
///     std::fs::metadata("/var/spool").map_err(ActionError::internal)?;
///     Ok::<(), ActionError>(())
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a health check",
    label = "not a result of a health check",
    note = "return `Health`, `()`, or a `Result` of them whose error converts into `ActionError`"
)]
pub trait IntoHealth {
    /// Converts into a result.
    fn into_health(self) -> Health;
}

impl IntoHealth for Health {
    fn into_health(self) -> Health {
        self
    }
}

impl IntoHealth for () {
    fn into_health(self) -> Health {
        Health::ok()
    }
}

impl<T: IntoHealth, E: IntoActionError> IntoHealth for Result<T, E> {
    fn into_health(self) -> Health {
        match self {
            Ok(health) => health.into_health(),
            Err(error) => {
                let error: ActionError = error.into();
                let is_internal = error.is_internal();
                let errors = error.into_errors().into_iter();
                let errors = errors.map(|error| Health::error(error.code, error.message));
                let mut health = errors.fold(Health::ok(), Health::and);
                health.is_internal = is_internal;
                health
            }
        }
    }
}
