//! Assertions about the outcome of a call.
//!
//! Each assertion is a function of the outcome. It returns the response or the errors that it has checked, or else an
//! [`Unexpected`], which describes the expected errors, the missing ones, the others, and the whole answer. The macros
//! (`assert_runs!` and others) await a call, apply the function, and panic at their own place.
//!
//! Expected errors are counted: a code that is expected twice has to be answered twice. As in PySOA, an error with a field
//! never matches a code alone, an error without one never matches a field, and errors of the whole job are not errors of
//! an action.

use std::error::Error;
use std::fmt::{self, Debug, Write as _};

use soa_runtime::message::WireError;
use soa_runtime::{ClientError, ErrorKind};

/// The reason why an assertion about a call does not hold, as text of several lines.
#[derive(Clone, PartialEq, Eq)]
pub struct Unexpected(String);

impl Unexpected {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unexpected {}

/// Returns the response of a call that should succeed. See [`assert_runs!`](crate::assert_runs).
///
/// ```
/// use soa::testing::{TestServer, runs};
/// use soa::{ActionError, Context, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) });
/// let tools = TestServer::new(server);
/// let answer = runs(tools.call("echo", value!({ "n": 1 })).await)?;
/// assert_eq!(answer, value!({ "n": 1 }));
/// # Ok(()) }
/// ```
///
/// # Errors
/// If the call failed.
pub fn runs<R>(outcome: Result<R, ClientError>) -> Result<R, Unexpected> {
    outcome.map_err(|error| {
        let mut text = match error.failed_action() {
            Some(action) => format!("the call should have succeeded, but `{action}` failed"),
            None => "the call should have succeeded, but failed".to_owned(),
        };
        match error.errors() {
            [] => text.push_str(&unanswered(&error)),
            errors => text.push_str(&told("answered", errors)),
        }
        Unexpected(text)
    })
}

/// Returns the errors of a call that should be answered with errors. See
/// [`assert_runs_with_errors!`](crate::assert_runs_with_errors).
///
/// # Errors
/// If the call succeeded, or was not answered.
pub fn runs_with_errors<R: Debug>(
    outcome: Result<R, ClientError>,
) -> Result<Vec<WireError>, Unexpected> {
    answered(outcome, "errors")
}

/// Returns the errors of a call that should be answered with these codes, by errors without a field. Other errors are
/// allowed. See [`assert_runs_with_error_codes!`](crate::assert_runs_with_error_codes).
///
/// # Errors
/// If the call succeeded, was not answered, or one of the codes is missing.
pub fn runs_with_error_codes<R: Debug>(
    outcome: Result<R, ClientError>,
    codes: &[&str],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, without_field(codes), false)
}

/// Returns the errors of a call that should be answered with exactly these codes, by errors without a field. See
/// [`assert_runs_with_only_error_codes!`](crate::assert_runs_with_only_error_codes).
///
/// # Errors
/// If the call succeeded, was not answered, one of the codes is missing, or there are other errors.
pub fn runs_with_only_error_codes<R: Debug>(
    outcome: Result<R, ClientError>,
    codes: &[&str],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, without_field(codes), true)
}

/// Returns the errors of a call that should be answered with these pairs of a dotted field and a code. Other errors are
/// allowed. See [`assert_runs_with_field_errors!`](crate::assert_runs_with_field_errors).
///
/// # Errors
/// If the call succeeded, was not answered, or one of the pairs is missing.
pub fn runs_with_field_errors<R: Debug>(
    outcome: Result<R, ClientError>,
    errors: &[(&str, &str)],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, at_fields(errors), false)
}

/// Returns the errors of a call that should be answered with exactly these pairs of a dotted field and a code. See
/// [`assert_runs_with_only_field_errors!`](crate::assert_runs_with_only_field_errors).
///
/// # Errors
/// If the call succeeded, was not answered, one of the pairs is missing, or there are other errors.
pub fn runs_with_only_field_errors<R: Debug>(
    outcome: Result<R, ClientError>,
    errors: &[(&str, &str)],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, at_fields(errors), true)
}

/// An expected error: its field, if it has one, and its code.
type Expected<'a> = (Option<&'a str>, &'a str);

fn without_field<'a>(codes: &[&'a str]) -> Vec<Expected<'a>> {
    codes.iter().map(|code| (None, *code)).collect()
}

fn at_fields<'a>(errors: &[(&'a str, &'a str)]) -> Vec<Expected<'a>> {
    let errors = errors.iter();
    errors.map(|(field, code)| (Some(*field), *code)).collect()
}

fn answered<R: Debug>(
    outcome: Result<R, ClientError>,
    expected: &str,
) -> Result<Vec<WireError>, Unexpected> {
    match outcome {
        Ok(response) => Err(Unexpected(format!(
            "the call should have failed with {expected}, but was answered\n    {response:?}"
        ))),
        Err(error) if error.errors().is_empty() => Err(Unexpected(format!(
            "the call should have failed with {expected}, but was not answered{}",
            unanswered(&error)
        ))),
        Err(error) if error.kind() == ErrorKind::Job => Err(Unexpected(format!(
            "the action should have failed with {expected}, but the whole job failed{}",
            told("answered", error.errors())
        ))),
        Err(error) => Ok(error.errors().to_vec()),
    }
}

fn compare<R: Debug>(
    outcome: Result<R, ClientError>,
    expected: Vec<Expected<'_>>,
    only: bool,
) -> Result<Vec<WireError>, Unexpected> {
    let wanted: Vec<String> = expected.iter().map(|error| shown(*error)).collect();
    let wanted = match wanted.as_slice() {
        [] => "errors".to_owned(),
        wanted => wanted.join(", "),
    };
    let errors = answered(outcome, &wanted)?;
    let mut missing = expected;
    let mut others = Vec::new();
    for error in &errors {
        // An empty field counts as none.
        let field = error.field.as_deref().filter(|field| !field.is_empty());
        let is_it = |expected: &Expected<'_>| *expected == (field, &*error.code);
        match missing.iter().position(is_it) {
            Some(at) => drop(missing.remove(at)),
            None => others.push(error.clone()),
        }
    }
    if missing.is_empty() && (!only || others.is_empty()) {
        return Ok(errors);
    }
    let only_these = if only { "only " } else { "" };
    let mut text = format!("the call should have failed with {only_these}{wanted}");
    for error in missing {
        let _ = write!(text, "\n  missing: {}", shown(error));
    }
    if only {
        for error in &others {
            let _ = write!(text, "\n  unexpected: {error}");
        }
    }
    text.push_str(&told("  answered", &errors));
    Err(Unexpected(text))
}

fn shown((field, code): Expected<'_>) -> String {
    match field {
        Some(field) => format!("{code} at `{field}`"),
        None => code.to_owned(),
    }
}

fn told(what: &str, errors: &[WireError]) -> String {
    let mut text = format!("\n{what}:");
    for error in errors {
        // Without the traceback, which would hide the other errors.
        let _ = write!(text, "\n    {error}");
    }
    text
}

fn unanswered(error: &ClientError) -> String {
    let mut text = format!("\n    {error}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, "\n    caused by: {error}");
        source = error.source();
    }
    text
}

/// Awaits a call and returns its response.
///
/// It takes every form of call: one action or a job, with or without options, typed or untyped. A call whose response has
/// errors as data (`call_job`, `continue_on_error()`, `each()`) succeeds when it is answered.
///
/// # Panics
/// If the call failed, with its errors.
///
/// ```
/// # use soa::{ActionError, Context, Server, Value, value};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let server = Server::untyped("tools", "1.0.0")
/// #     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) });
/// # let tools = soa::testing::TestServer::new(server);
/// let answer = soa::assert_runs!(tools.call("echo", value!({ "n": 1 })));
/// assert_eq!(answer, value!({ "n": 1 }));
/// # }
/// ```
#[macro_export]
macro_rules! assert_runs {
    ($call:expr $(,)?) => {
        match $crate::runs($call.await) {
            ::core::result::Result::Ok(response) => response,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call that should be answered with errors, and returns them.
///
/// # Panics
/// If the call succeeded, or was not answered.
///
/// ```
/// # use soa::{Server, value};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let tools = soa::testing::TestServer::new(Server::untyped("tools", "1.0.0"));
/// let errors = soa::assert_runs_with_errors!(tools.call("dance", value!({})));
/// assert_eq!(errors[0].code, "UNKNOWN");
/// # }
/// ```
#[macro_export]
macro_rules! assert_runs_with_errors {
    ($call:expr $(,)?) => {
        match $crate::runs_with_errors($call.await) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call that should be answered with these codes, by errors without a field, and returns all of its errors. Other
/// errors are allowed.
///
/// # Panics
/// If the call succeeded, was not answered, or one of the codes is missing.
///
/// ```
/// # use soa::{ActionError, Context, Server, Value, value};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let server = Server::untyped("tools", "1.0.0")
/// #     .action("fail", |_: Value, _cx: Context| async { Err::<Value, _>(ActionError::caller("TIRED", "Not now")) });
/// # let tools = soa::testing::TestServer::new(server);
/// soa::assert_runs_with_error_codes!(tools.call("fail", value!({})), "TIRED");
/// # }
/// ```
#[macro_export]
macro_rules! assert_runs_with_error_codes {
    ($call:expr, $($code:expr),+ $(,)?) => {
        match $crate::runs_with_error_codes($call.await, &[$($code),+]) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call that should be answered with exactly these codes, by errors without a field, and returns its errors.
///
/// # Panics
/// If the call succeeded, was not answered, one of the codes is missing, or there are other errors.
///
/// ```
/// # use soa::{ActionError, Context, Server, Value, value};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let server = Server::untyped("tools", "1.0.0")
/// #     .action("fail", |_: Value, _cx: Context| async { Err::<Value, _>(ActionError::caller("TIRED", "Not now")) });
/// # let tools = soa::testing::TestServer::new(server);
/// let errors = soa::assert_runs_with_only_error_codes!(tools.call("fail", value!({})), "TIRED");
/// assert_eq!(errors.len(), 1);
/// # }
/// ```
#[macro_export]
macro_rules! assert_runs_with_only_error_codes {
    ($call:expr, $($code:expr),+ $(,)?) => {
        match $crate::runs_with_only_error_codes($call.await, &[$($code),+]) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call that should be answered with these pairs of a dotted field and a code, and returns all of its errors.
/// Other errors are allowed. A field that should have several errors is listed several times.
///
/// # Panics
/// If the call succeeded, was not answered, or one of the pairs is missing.
///
/// ```
/// # use soa::{Server, value};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let tools = soa::testing::TestServer::new(Server::untyped("tools", "1.0.0"));
/// soa::assert_runs_with_field_errors!(
///     tools.call("introspect", value!({ "action_name": "dance" })),
///     "action_name" => "INVALID",
/// );
/// # }
/// ```
#[macro_export]
macro_rules! assert_runs_with_field_errors {
    ($call:expr, $($field:expr => $code:expr),+ $(,)?) => {
        match $crate::runs_with_field_errors($call.await, &[$(($field, $code)),+]) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call that should be answered with exactly these pairs of a dotted field and a code, and returns its errors.
///
/// # Panics
/// If the call succeeded, was not answered, one of the pairs is missing, or there are other errors.
///
/// ```
/// # use soa::{Server, value};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let tools = soa::testing::TestServer::new(Server::untyped("tools", "1.0.0"));
/// let call = tools.call("introspect", value!({ "action_name": "dance" }));
/// let errors = soa::assert_runs_with_only_field_errors!(call, "action_name" => "INVALID");
/// assert_eq!(errors.len(), 1);
/// # }
/// ```
#[macro_export]
macro_rules! assert_runs_with_only_field_errors {
    ($call:expr, $($field:expr => $code:expr),+ $(,)?) => {
        match $crate::runs_with_only_field_errors($call.await, &[$(($field, $code)),+]) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}
