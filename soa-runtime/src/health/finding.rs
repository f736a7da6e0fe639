//! The findings of a health check.

use std::borrow::Cow;

use crate::codec::{Map, Value};
use crate::error::{ActionError, IntoActionError};

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
        self
    }

    /// Returns true if there are neither errors nor warnings.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.warnings.is_empty()
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
                let errors = error.into_errors().into_iter();
                let errors = errors.map(|error| Health::error(error.code, error.message));
                errors.fold(Health::ok(), Health::and)
            }
        }
    }
}
