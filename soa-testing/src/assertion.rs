//! What a call should have come to, and a readable account of where it did not.
//!
//! Each assertion is a function of a call's outcome, which gives what was asserted (the response, or the errors), or an
//! [`Unexpected`] that tells what was expected, what is missing, what is too much, and all that was answered. The macros
//! `assert_runs!` and so on await a call, apply the function, and panic where they stand.
//!
//! Expected errors are counted: two of one code have to be answered twice. As in PySOA, an error at a field is none of
//! the errors by code alone, and the other way round, and errors of the whole job are none of an action's.

use std::error::Error;
use std::fmt::{self, Debug, Write as _};

use soa_runtime::message::WireError;
use soa_runtime::{ClientError, ErrorKind};

/// Why an assertion about a call does not hold: for people, over several lines.
#[derive(Clone, PartialEq, Eq)]
pub struct Unexpected(String);

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

/// The response of a call that should have succeeded. See [`assert_runs!`](crate::assert_runs).
///
/// # Errors
/// The call failed.
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

/// The errors, one or more, that a call should have been answered. See
/// [`assert_runs_with_errors!`](crate::assert_runs_with_errors).
///
/// # Errors
/// The call succeeded, or there was no answer.
pub fn runs_with_errors<R: Debug>(
    outcome: Result<R, ClientError>,
) -> Result<Vec<WireError>, Unexpected> {
    answered(outcome, "errors")
}

/// The errors that a call was answered, where each of these codes is the code of one of them that is at no field.
/// See [`assert_runs_with_error_codes!`](crate::assert_runs_with_error_codes).
///
/// # Errors
/// The call succeeded, there was no answer, or not all of these errors.
pub fn runs_with_error_codes<R: Debug>(
    outcome: Result<R, ClientError>,
    codes: &[&str],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, without_field(codes), false)
}

/// The same, where there are no further errors. See
/// [`assert_runs_with_only_error_codes!`](crate::assert_runs_with_only_error_codes).
///
/// # Errors
/// The call succeeded, there was no answer, or other errors than these.
pub fn runs_with_only_error_codes<R: Debug>(
    outcome: Result<R, ClientError>,
    codes: &[&str],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, without_field(codes), true)
}

/// The errors that a call was answered, where each pair of a field (dotted) and a code is one of them. See
/// [`assert_runs_with_field_errors!`](crate::assert_runs_with_field_errors).
///
/// # Errors
/// The call succeeded, there was no answer, or not all of these errors.
pub fn runs_with_field_errors<R: Debug>(
    outcome: Result<R, ClientError>,
    errors: &[(&str, &str)],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, at_fields(errors), false)
}

/// The same, where there are no further errors. See
/// [`assert_runs_with_only_field_errors!`](crate::assert_runs_with_only_field_errors).
///
/// # Errors
/// The call succeeded, there was no answer, or other errors than these.
pub fn runs_with_only_field_errors<R: Debug>(
    outcome: Result<R, ClientError>,
    errors: &[(&str, &str)],
) -> Result<Vec<WireError>, Unexpected> {
    compare(outcome, at_fields(errors), true)
}

/// An error as a test expects it: the field, where it is at one, and the code.
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
            "the action should have failed with {expected}, but the whole job did{}",
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
        // Nobody tells an empty field from none.
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
            let _ = write!(text, "\n  too much: {error}");
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
        // Of an error with a traceback, the message alone is of interest here.
        let _ = write!(text, "\n    {error}");
    }
    text
}

fn unanswered(error: &ClientError) -> String {
    let mut text = format!("\n    {error}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, "\n    because: {error}");
        source = error.source();
    }
    text
}

/// Awaits a call, and gives its response; panics with the errors where it failed.
///
/// It takes every form of call: one action, a job, with options or without, typed or not. One whose response has errors as
/// data (`call_job`, `continue_on_error()`, `each()`) succeeds when it is answered.
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

/// Awaits a call, and gives the errors that it was answered; panics where it succeeded, or was not answered.
#[macro_export]
macro_rules! assert_runs_with_errors {
    ($call:expr $(,)?) => {
        match $crate::runs_with_errors($call.await) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call, and gives the errors that it was answered; panics unless each code is the code of one of them that is
/// at no field. Further errors are allowed.
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

/// As [`assert_runs_with_error_codes!`](crate::assert_runs_with_error_codes), and panics where there are further errors.
#[macro_export]
macro_rules! assert_runs_with_only_error_codes {
    ($call:expr, $($code:expr),+ $(,)?) => {
        match $crate::runs_with_only_error_codes($call.await, &[$($code),+]) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}

/// Awaits a call, and gives the errors that it was answered; panics unless each field has an error of its code. Further
/// errors are allowed. A field with several errors stands there several times.
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

/// As [`assert_runs_with_field_errors!`](crate::assert_runs_with_field_errors), and panics where there are further errors.
#[macro_export]
macro_rules! assert_runs_with_only_field_errors {
    ($call:expr, $($field:expr => $code:expr),+ $(,)?) => {
        match $crate::runs_with_only_field_errors($call.await, &[$(($field, $code)),+]) {
            ::core::result::Result::Ok(errors) => errors,
            ::core::result::Result::Err(unexpected) => ::core::panic!("{unexpected}"),
        }
    };
}
