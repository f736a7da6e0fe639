//! The meaning of the client library's errors.

use fred::error::{Error, ErrorKind};

use crate::error::TransportErrorKind;
use crate::transport::redis::condition::Failure;

/// First words of errors from a Redis that is not, or no longer, the one to ask.
const WRONG_NODE: [&str; 5] = ["READONLY", "MASTERDOWN", "MOVED", "ASK", "CLUSTERDOWN"];

/// Advice for people when a login is refused.
const LOGIN_ADVICE: &str = "authentication failed: check the user name and the password; those in the settings are not read again";

/// First words of the error for credentials that could not be read.
const UNREAD_CREDENTIALS: &str = "reading the credentials failed";

/// Describes an error for the log.
pub(super) fn failure(error: &Error) -> Failure {
    let is_login = *error.kind() == ErrorKind::Auth;
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
    let text = readable(error.to_string());
    match *error.kind() == ErrorKind::Auth {
        true => format!("{text} ({LOGIN_ADVICE})"),
        false => text,
    }
}

/// The error of an attempt to connect without credentials, which may be there the next time.
pub(super) fn unread_credentials(why: &str) -> Error {
    Error::new(ErrorKind::Unknown, format!("{UNREAD_CREDENTIALS}: {why}"))
}

/// Shortens an error of the system or of the standard library, whose debug output the client library shows, to its message.
fn readable(text: String) -> String {
    let debug = [(": Os {", "message: \""), (": Custom {", "error: \"")];
    let message = debug.into_iter().find_map(|(form, field)| {
        let (what, rest) = text.split_once(form)?;
        let message = rest.split_once(field)?.1;
        Some(format!("{what}: {}", message.split_once('"')?.0))
    });
    message.unwrap_or(text)
}

/// Makes an error the cause of another.
pub(super) fn explained(error: &Error) -> Box<dyn std::error::Error + Send + Sync> {
    text(error).into()
}

/// The kind of error for callers.
pub(super) fn kind(error: &Error) -> TransportErrorKind {
    match *error.kind() == ErrorKind::Auth {
        true => TransportErrorKind::Misconfigured,
        false => TransportErrorKind::Transient,
    }
}

/// True if a connection ended, for no reason that is known.
pub(super) fn is_closed(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::IO | ErrorKind::Canceled)
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
        ErrorKind::Unknown
            | ErrorKind::InvalidArgument
            | ErrorKind::InvalidCommand
            | ErrorKind::NotFound
            | ErrorKind::Parse
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

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn an_error_of_the_system_is_what_it_says() {
        let text =
            r#"IO Error: Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#;
        assert_eq!(readable(text.to_owned()), "IO Error: Connection refused");
        let text = r#"IO Error: Custom { kind: Uncategorized, error: "failed to lookup address information: Name or service not known" }"#;
        assert_eq!(
            readable(text.to_owned()),
            "IO Error: failed to lookup address information: Name or service not known"
        );
        assert_eq!(readable("IO Error: cut".to_owned()), "IO Error: cut");
    }
}
