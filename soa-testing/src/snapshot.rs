//! Snapshots: the outcome of a call as text that is the same in every run.
//!
//! Values that differ from run to run are replaced: identifiers by `[id]`, times by `[time]`, versions by `[version]`.
//! Identifiers and times are recognized by their form: a UUID with or without dashes, a date-time of the wire or in
//! RFC 3339. This includes keys and the messages of errors. The rest is recognized by its key: `correlation_id` and
//! `request_id`, and dotted numbers under `version` or `…_version`. Identifiers of other forms (`"o1"`, 17) are usually
//! chosen by the test, and stay.

use std::fmt::Write as _;

use serde::Serialize;
use soa_runtime::ClientError;
use soa_runtime::codec::{Value, to_value};

/// Returns the outcome of a call (the response or the errors) as text, without the values that differ from run to run.
///
/// `redacted` are paths of further values, which become `[redacted]`. They are dotted and begin at the body; `*` is any
/// key, or any element of a list. The messages of errors have the paths `0.message`, `1.message` and so on.
///
/// [`assert_response_snapshot!`](crate::assert_response_snapshot) compares this text with a snapshot.
///
/// ```
/// use soa::testing::snapshot;
/// use soa::value;
///
/// let response = value!({ "id": "8d7f3c1e-52f1-4f5e-9d3e-0c8f6a7b1234", "name": "Ada", "pid": 7 });
/// assert_eq!(
///     snapshot(&Ok(response), &["pid"]),
///     r#"{
///     "id": "[id]",
///     "name": "Ada",
///     "pid": "[redacted]",
/// }"#,
/// );
/// ```
pub fn snapshot<R: Serialize>(outcome: &Result<R, ClientError>, redacted: &[&str]) -> String {
    match outcome {
        Ok(response) => match to_value(response) {
            Ok(mut body) => {
                redact(&mut body, "", &mut Vec::new(), redacted);
                format!("{body:#?}")
            }
            Err(error) => format!("the response cannot be shown: {error}"),
        },
        Err(error) if error.errors().is_empty() => error.to_string(),
        Err(error) => {
            let mut text = format!("{:?}", error.kind());
            for (index, error) in error.errors().iter().enumerate() {
                let place = [index.to_string(), "message".to_owned()];
                let mut error = error.clone();
                error.message = match redacted.iter().any(|path| matches(path, &place)) {
                    true => "[redacted]".into(),
                    false => replaced(&error.message).into(),
                };
                error.field = error.field.map(|field| {
                    let parts: Vec<String> = field.split('.').map(replaced).collect();
                    parts.join(".")
                });
                let _ = write!(text, "\n{error}");
            }
            text
        }
    }
}

fn redact(value: &mut Value, key: &str, path: &mut Vec<String>, redacted: &[&str]) {
    let word = match value {
        _ if redacted.iter().any(|pattern| matches(pattern, path)) => Some("[redacted]"),
        Value::Nil => None,
        _ if matches!(key, "correlation_id" | "request_id") => Some("[id]"),
        Value::DateTime(_) | Value::UtcDateTime(_) => Some("[time]"),
        Value::Text(text) if is_version(key, text) => Some("[version]"),
        Value::Text(text) => whole(text),
        _ => None,
    };
    if let Some(word) = word {
        *value = word.into();
        return;
    }
    match value {
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(index.to_string());
                redact(item, "", path, redacted);
                path.pop();
            }
        }
        Value::Map(map) => {
            let pairs = std::mem::take(map).into_pairs();
            *map = pairs
                .into_iter()
                .map(|(key, mut value)| {
                    let name = key
                        .as_str()
                        .map_or_else(|| format!("{key:?}"), str::to_owned);
                    path.push(name.clone());
                    redact(&mut value, &name, path, redacted);
                    path.pop();
                    let word = key.as_str().and_then(whole);
                    (word.map_or(key, Value::from), value)
                })
                .collect();
        }
        _ => {}
    }
}

/// Returns true if a dotted path with wildcards matches this path.
fn matches(pattern: &str, path: &[String]) -> bool {
    let mut parts = pattern.split('.');
    let is_match = |part: &String| {
        let wanted = parts.next();
        wanted.is_some_and(|wanted| wanted == "*" || wanted == part)
    };
    path.iter().all(is_match) && parts.next().is_none()
}

/// Returns the replacement for a text that is an identifier or a time as a whole.
fn whole(text: &str) -> Option<&'static str> {
    if is_uuid(text) {
        return Some("[id]");
    }
    is_time(text).then_some("[time]")
}

/// Returns a message with the identifiers and times in it replaced.
fn replaced(text: &str) -> String {
    let is_part = |byte: char| byte.is_ascii_alphanumeric() || "-:.+_".contains(byte);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, behind) = rest.split_at(start);
        let end = behind.find(|one| !is_part(one)).unwrap_or(behind.len());
        let (word, next) = behind.split_at(end);
        // A full stop or a colon at the end belongs to the sentence.
        let bare = word.trim_end_matches(['.', ':']);
        let (_, dots) = word.split_at(bare.len());
        out.push_str(before);
        out.push_str(whole(bare).unwrap_or(bare));
        out.push_str(dots);
        rest = next;
    }
    out.push_str(rest);
    out
}

fn is_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_dashes = || {
        let lengths = [8, 4, 4, 4, 12];
        let mut parts = text.split('-');
        let are_parts = lengths.iter().all(|length| {
            parts
                .next()
                .is_some_and(|part| part.len() == *length && is_hex(part))
        });
        are_parts && parts.next().is_none()
    };
    (text.len() == 32 && is_hex(text)) || (text.len() == 36 && has_dashes())
}

/// Returns true for `2026-11-21T10:00:00`, with or without a fraction and a zone.
fn is_time(text: &str) -> bool {
    let form = b"dddd-dd-ddTdd:dd:dd";
    let is_form = |(byte, form): (u8, &u8)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => byte == b'T' || byte == b' ',
        other => byte == *other,
    };
    let Some(behind) = text.get(form.len()..) else {
        return false;
    };
    let zone = match behind.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => behind,
    };
    let is_offset = |offset: &str| {
        let offset = offset.strip_prefix(['+', '-']);
        offset.is_some_and(|offset| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b':';
            matches!(offset.len(), 2 | 4 | 5) && offset.bytes().all(is_digit)
        })
    };
    text.bytes().zip(form).all(is_form) && (matches!(zone, "" | "Z") || is_offset(zone))
}

fn is_version(key: &str, text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let named = key == "version" || key.ends_with("_version");
    // A dash or a plus begins the pre-release or the build: `1.2.3-rc.1+5`.
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    named && numbers.contains('.') && numbers.split('.').all(is_number)
}

/// Awaits a call, and compares the response or the errors with a snapshot of `insta`.
///
/// Identifiers, times and versions are replaced, see [`snapshot`](crate::snapshot()). The crate of the test needs `insta`
/// among its dev-dependencies.
///
/// ```ignore
/// soa::assert_response_snapshot!(example.square(request));
/// soa::assert_response_snapshot!(example.slow(request), redact = ["pid", "things.*.price"]);
/// soa::assert_response_snapshot!(example.square(request), @r#"{ "square": 9 }"#);
/// ```
#[macro_export]
macro_rules! assert_response_snapshot {
    // The call as it is written is the `expression` in the file of the snapshot. A macro in between would replace it.
    ($call:expr, redact = [$($path:expr),* $(,)?], @$inline:literal $(,)?) => {
        ::insta::assert_snapshot!($crate::snapshot(&$call.await, &[$($path),*]), ::std::stringify!($call), @$inline)
    };
    ($call:expr, redact = [$($path:expr),* $(,)?] $(,)?) => {
        ::insta::assert_snapshot!(
            ::std::option::Option::None::<::std::string::String>,
            $crate::snapshot(&$call.await, &[$($path),*]),
            ::std::stringify!($call)
        )
    };
    ($call:expr, @$inline:literal $(,)?) => {
        $crate::assert_response_snapshot!($call, redact = [], @$inline)
    };
    ($call:expr $(,)?) => {
        $crate::assert_response_snapshot!($call, redact = [])
    };
}

#[cfg(test)]
mod tests {
    use soa_runtime::message::WireError;
    use soa_runtime::value;

    use super::*;

    const ID: &str = "8d7f3c1e-52f1-4f5e-9d3e-0c8f6a7b1234";

    #[test]
    fn ids_and_times_are_replaced_in_keys_and_texts_of_errors() {
        let body = value!({ ID: { "at": "2026-11-21T10:00:00+01:00" }, "correlation_id": nil });
        let shown = snapshot(&Ok(body), &[]);
        assert_eq!(
            shown.split_whitespace().collect::<String>(),
            r#"{"[id]":{"at":"[time]",},"correlation_id":nil,}"#
        );
        let error = || {
            let text = format!("No order {ID}: it ended at 2026-11-21T10:00:00.5Z. Sorry.");
            let error = WireError::caller("NOT_FOUND", text).with_field(format!("orders.{ID}"));
            Err::<(), _>(ClientError::action(
                &"shop".into(),
                "find".into(),
                vec![error],
            ))
        };
        assert_eq!(
            snapshot(&error(), &[]),
            "Action\nNOT_FOUND at `orders.[id]`: No order [id]: it ended at [time]. Sorry."
        );
        assert_eq!(
            snapshot(&error(), &["*.message"]),
            "Action\nNOT_FOUND at `orders.[id]`: [redacted]"
        );
    }

    #[test]
    fn what_only_begins_like_a_time_stays() {
        for text in [
            "2026-11-21 10:00:00 refunded 5 EUR",
            "2026-11-21T10:00:00 Zurich",
            "2026-11-21T10:00:00+1",
            "2026-11-21T10:00",
        ] {
            assert!(!is_time(text), "{text}");
        }
        for text in [
            "2026-11-21 10:00:00",
            "2026-11-21T10:00:00.123456Z",
            "2026-11-21T10:00:00-0330",
        ] {
            assert!(is_time(text), "{text}");
        }
    }
}
