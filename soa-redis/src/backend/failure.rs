//! The meaning of errors.

use soa_runtime::TransportErrorKind;

use super::error::{Error, ErrorKind};
use crate::condition::Failure;

/// First words of errors from a Redis that is not, or no longer, the one to ask.
const WRONG_NODE: [&str; 5] = ["READONLY", "MASTERDOWN", "MOVED", "ASK", "CLUSTERDOWN"];

/// Advice for people when a login is refused.
const LOGIN_ADVICE: &str = "authentication failed: check the user name and the password; those in the settings are not read again";

/// First words of the error for credentials that could not be read.
const UNREAD_CREDENTIALS: &str = "reading the credentials failed";

/// Text for a command that was not sent, as the connection had ended.
const NOT_SENT: &str = "the connection was closed before";

/// Text for a command that waited for its answer when the connection ended.
const NOT_ANSWERED: &str = "the connection was closed before the answer came";

/// Describes an error for the log.
pub(super) fn failure(error: &Error) -> Failure {
    let is_login = error.kind() == ErrorKind::Auth;
    let kind = match is_answer(error) {
        true => word(error).to_owned(),
        // These are few and say always the same.
        false => error.to_string(),
    };
    Failure {
        kind,
        text: text(error),
        is_disconnected: is_login || !is_answer(error),
    }
}

/// Describes an error for people.
pub(super) fn text(error: &Error) -> String {
    if error.details().starts_with(UNREAD_CREDENTIALS) {
        return error.details().to_owned();
    }
    let text = error.to_string();
    match error.kind() == ErrorKind::Auth {
        true => format!("{text} ({LOGIN_ADVICE})"),
        false => text,
    }
}

/// The error of an attempt to connect without credentials, which may be there the next time.
pub(super) fn unread_credentials(why: &str) -> Error {
    Error::new(ErrorKind::Unknown, format!("{UNREAD_CREDENTIALS}: {why}"))
}

/// Makes an error the cause of another.
pub(super) fn explained(error: &Error) -> Box<dyn std::error::Error + Send + Sync> {
    text(error).into()
}

/// The kind of error for callers.
pub(super) fn kind(error: &Error) -> TransportErrorKind {
    match error.kind() == ErrorKind::Auth {
        true => TransportErrorKind::Misconfigured,
        false => TransportErrorKind::Transient,
    }
}

/// The error of a command that was not sent, as the connection had ended.
pub(super) fn not_sent() -> Error {
    Error::new(ErrorKind::Io, NOT_SENT)
}

/// The error of a command that waited for its answer when the connection ended.
pub(super) fn not_answered() -> Error {
    Error::new(ErrorKind::Io, NOT_ANSWERED)
}

/// The error of a connection that Redis has closed.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Io, "Redis has closed the connection")
}

/// The error of a connection on which something has come that nobody has asked for.
pub(super) fn unasked() -> Error {
    let what = "Redis has sent an answer that nobody waits for";
    Error::new(ErrorKind::Protocol, what)
}

/// True if the connection has ended, or Redis says why it is about to end it.
pub(super) fn is_unwelcome(error: &Error) -> bool {
    let details = error.details();
    matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol)
        || details.starts_with("DENIED")
        || details.contains("max number of clients")
}

/// True if the connection was closed while the command was on it, or before.
pub(super) fn is_cut(error: &Error) -> bool {
    [NOT_SENT, NOT_ANSWERED].contains(&error.details())
}

/// True if the command certainly did not reach Redis.
pub(super) fn is_not_sent(error: &Error) -> bool {
    error.details() == NOT_SENT
}

/// True if a connection ended, for no reason that is known.
pub(super) fn is_closed(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io | ErrorKind::Canceled)
}

/// True if another Redis has to be asked.
pub(super) fn is_wrong_node(error: &Error) -> bool {
    WRONG_NODE.contains(&word(error))
}

/// First words of errors from a Redis that cannot serve at present, or not with this login.
const OUTAGE: [&str; 7] = [
    "LOADING",
    "BUSY",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "NOAUTH",
    "WRONGPASS",
];

/// True if the connection or the master is at fault, and not the command, its key or its script.
pub(super) fn is_outage(error: &Error) -> bool {
    let is_of_command = matches!(
        error.kind(),
        ErrorKind::Unknown | ErrorKind::InvalidArgument
    );
    !is_of_command || is_wrong_node(error) || OUTAGE.contains(&word(error))
}

/// True if a single key is at fault: it holds another type, or the login may not use it. Other keys are fine.
pub(super) fn is_about_the_key(error: &Error) -> bool {
    let details = error.details();
    details.contains("WRONGTYPE") || details.starts_with("NOPERM") && !details.contains("to run")
}

/// True if Redis will answer the same the next time.
pub(super) fn is_final(error: &Error) -> bool {
    let details = error.details();
    ["WRONGTYPE", "NOPERM", "ACL failure"]
        .iter()
        .any(|word| details.contains(word))
}

/// True if Redis itself answered with this error: its errors begin with a word in capitals.
pub(super) fn is_answer(error: &Error) -> bool {
    let word = word(error);
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn word(error: &Error) -> &str {
    error.details().split(' ').next().unwrap_or_default()
}
