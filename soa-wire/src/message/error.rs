//! The errors in messages: a code, a text, and the field at fault.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::codec::{Map, Value};
use crate::declared::HttpAnswer;
use crate::redact::{Redacted, Redaction};

/// The error codes of the framework itself, as the protocol names them.
pub mod code {
    /// A value has a wrong type, or breaks a rule.
    pub const INVALID: &str = "INVALID";
    /// A required key is missing.
    pub const MISSING: &str = "MISSING";
    /// A key, a constant or an action is unknown.
    pub const UNKNOWN: &str = "UNKNOWN";
    /// The service failed with an error that is not meant for callers.
    pub const SERVER_ERROR: &str = "SERVER_ERROR";
    /// The action timed out. The job ends with it.
    pub const ACTION_TIMEOUT: &str = "ACTION_TIMEOUT";
    /// The job timed out outside of its actions.
    pub const JOB_TIMEOUT: &str = "JOB_TIMEOUT";
    /// The job has more actions than the service accepts. It did not run.
    pub const REQUEST_TOO_LARGE: &str = "REQUEST_TOO_LARGE";
    /// The response is larger than the transport allows.
    pub const RESPONSE_TOO_LARGE: &str = "RESPONSE_TOO_LARGE";
    /// The response has a value that the caller's serializer cannot encode.
    pub const RESPONSE_NOT_SERIALIZABLE: &str = "RESPONSE_NOT_SERIALIZABLE";
    /// The caller has no access.
    pub const ACCESS_DENIED: &str = "ACCESS_DENIED";
    /// The caller lacks a permission.
    pub const NOT_AUTHORIZED: &str = "NOT_AUTHORIZED";
    /// The service is overloaded. The job did not run.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The server that ran the job stopped in the middle of it. Whether its actions took effect is not known.
    pub const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";
    /// The requested object does not exist.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// A service that is called over HTTP has failed, and told no code: an exception of a service of Aspyx. The message is its
    /// text.
    pub const REMOTE_ERROR: &str = "REMOTE_ERROR";
}

/// One error of an action or of a job, as it is in messages.
///
/// Messages have all keys, with nil for absent values. `is_caller_error` is left out for clients older than 0.70.0
/// (protocol, section 1).
///
/// ```
/// # use soa_wire as soa;
/// use soa::WireError;
///
/// let error = WireError::caller("TOO_LARGE", "The square has over 127 bits").with_field("number");
/// assert!(error.is_caller_error);
/// assert_eq!(error.to_string(), "TOO_LARGE at `number`: The square has over 127 bits");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WireError {
    /// Code for programs: one of [`code`], or one of the service.
    pub code: Cow<'static, str>,
    /// Text for people.
    pub message: Cow<'static, str>,
    /// Dotted path of the field at fault: `a.b.0.c`.
    pub field: Option<String>,
    /// Internal details. Servers send them only if their settings allow it.
    pub traceback: Option<String>,
    /// Values that belong to the error.
    pub variables: Option<Map>,
    /// The permissions that the caller lacks.
    pub denied_permissions: Option<Vec<String>>,
    /// True if the caller is at fault, false if the service is.
    pub is_caller_error: bool,
    /// The status and the headers over HTTP, if the error has its own. They are not part of a message.
    pub(crate) http: Option<Arc<HttpAnswer>>,
}

impl WireError {
    /// Creates an error that is the caller's fault.
    pub fn caller(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            field: None,
            traceback: None,
            variables: None,
            denied_permissions: None,
            is_caller_error: true,
            http: None,
        }
    }

    /// Creates an error that is the service's fault.
    pub fn server(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            is_caller_error: false,
            ..Self::caller(code, message)
        }
    }

    /// Sets the dotted path of the field at fault: `a.b.0.c`.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Sets the status of the answer over HTTP. A service on a queue never sends it.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        Arc::make_mut(self.http.get_or_insert_default()).status = Some(status);
        self
    }

    /// Adds a header to the answer over HTTP.
    #[must_use]
    pub fn with_http_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let http = Arc::make_mut(self.http.get_or_insert_default());
        http.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the status and the headers over HTTP, if the error has its own.
    #[doc(hidden)]
    pub fn http(&self) -> Option<&HttpAnswer> {
        self.http.as_deref()
    }

    /// Reads an error from a map, as PySOA's client does: absent keys, and keys with a wrong type, have their defaults.
    pub(crate) fn from_value(value: &Value) -> Self {
        let text = |key| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            code: text("code").unwrap_or_default().into(),
            message: text("message").unwrap_or_default().into(),
            field: text("field"),
            traceback: text("traceback"),
            variables: value.get("variables").and_then(Value::as_map).cloned(),
            denied_permissions: value
                .get("denied_permissions")
                .and_then(Value::as_list)
                .map(|permissions| {
                    let texts = permissions.iter().filter_map(Value::as_str);
                    texts.map(str::to_owned).collect()
                }),
            is_caller_error: value.get("is_caller_error").and_then(Value::as_bool) == Some(true),
            http: None,
        }
    }
}

impl fmt::Debug for WireError {
    /// Redacts secrets in the variables, because logs must not have them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireError")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("field", &self.field)
            .field("traceback", &self.traceback)
            .field("variables", &self.variables.as_ref().map(Redacted))
            .field("denied_permissions", &self.denied_permissions)
            .field("is_caller_error", &self.is_caller_error)
            .finish()
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{} at `{field}`: {}", self.code, self.message),
            None => write!(f, "{}: {}", self.code, self.message),
        }
    }
}

impl Redaction {
    /// Writes errors as text of about `length` bytes at most, as [`text`](Self::text) does: code, field, message,
    /// variables, and denied permissions.
    pub fn errors_text(&self, errors: &[WireError], length: usize) -> String {
        let mut writer = self.writer(length);
        let _ = errors.iter().enumerate().try_for_each(|(index, error)| {
            let between = if index > 0 { "; " } else { "" };
            write!(writer, "{between}{error}")?;
            if let Some(variables) = &error.variables {
                writer.write_char(' ')?;
                writer.map(variables, 0)?;
            }
            match &error.denied_permissions {
                Some(denied) => write!(writer, " denied {denied:?}"),
                None => Ok(()),
            }
        });
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_the_variables_of_errors_are_hidden() {
        let mut error = WireError::caller("BAD", "Bad").with_field("a");
        error.variables = Some(Map::from([("token", Value::from("x")), ("n", 1.into())]));
        error.denied_permissions = Some(vec!["orders.write".to_owned()]);
        assert_eq!(
            Redaction::standard().errors_text(&[error.clone()], 1000),
            r#"BAD at `a`: Bad {"token": "**********", "n": 1} denied ["orders.write"]"#,
        );
        assert!(!format!("{error:?}").contains("\"x\""), "{error:?}");
    }
}
