//! Responses as text that is the same in every run, for snapshots.
//!
//! What differs from run to run is replaced: identifiers by `[id]`, times by `[time]`, versions by `[version]`. It is told by
//! its form (a UUID with or without dashes, a date-time of the wire or in RFC 3339), and where it has none, by the key: the
//! framework's `correlation_id` and `request_id`, and texts with dots under `version` or `…_version`. Identifiers of other
//! forms (`"o1"`, 17) stay, as tests choose them; further paths can be given.

use std::fmt::Write as _;

use serde::Serialize;

use crate::codec::{Value, to_value};
use crate::error::ClientError;

/// What a call came to, as text without what differs from run to run: the response, or the errors.
///
/// Each of the paths is one more place that differs, dotted from the body; `*` is any key or any element of a list. What is
/// there becomes `[redacted]`. This is the text of [`assert_response_snapshot!`](crate::assert_response_snapshot).
pub fn snapshot<R: Serialize>(outcome: &Result<R, ClientError>, redacted: &[&str]) -> String {
    match outcome {
        Ok(response) => match to_value(response) {
            Ok(mut body) => {
                redact(&mut body, "", &mut Vec::new(), redacted);
                format!("{body:#?}")
            }
            Err(error) => format!("a response that cannot be shown: {error}"),
        },
        Err(error) if error.errors().is_empty() => error.to_string(),
        Err(error) => {
            let mut text = format!("{:?}", error.kind());
            for error in error.errors() {
                let _ = write!(text, "\n{error}");
            }
            text
        }
    }
}

fn redact(value: &mut Value, key: &str, path: &mut Vec<String>, redacted: &[&str]) {
    let is_redacted = |pattern: &&str| {
        let mut parts = pattern.split('.');
        let is_match = |part: &String| {
            parts
                .next()
                .is_some_and(|wanted| wanted == "*" || wanted == part)
        };
        path.iter().all(is_match) && parts.next().is_none()
    };
    let word = match value {
        _ if redacted.iter().any(is_redacted) => Some("[redacted]"),
        _ if matches!(key, "correlation_id" | "request_id") => Some("[id]"),
        Value::DateTime(_) | Value::UtcDateTime(_) => Some("[time]"),
        Value::Text(text) if is_uuid(text) => Some("[id]"),
        Value::Text(text) if is_time(text) => Some("[time]"),
        Value::Text(text) if is_version(key, text) => Some("[version]"),
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
                    (key, value)
                })
                .collect();
        }
        _ => {}
    }
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

/// `2026-11-21T10:00:00` with anything of a fraction and of a zone.
fn is_time(text: &str) -> bool {
    let form = b"dddd-dd-ddTdd:dd:dd";
    let is_form = |(byte, form): (u8, &u8)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => byte == b'T' || byte == b' ',
        other => byte == *other,
    };
    text.len() >= form.len() && text.bytes().zip(form).all(is_form)
}

fn is_version(key: &str, text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let named = key == "version" || key.ends_with("_version");
    // What is behind a dash or a plus is a build: `1.2.3-rc.1+5`.
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    named && numbers.contains('.') && numbers.split('.').all(is_number)
}

/// Awaits a call, and compares what it came to with a snapshot, by `insta`: the response, or the errors.
///
/// What differs from run to run is replaced: ids, times and versions (see [`snapshot`](crate::testing::snapshot)). The crate
/// of the test has to have `insta` among its dev-dependencies; this crate needs none.
///
/// ```ignore
/// soa::assert_response_snapshot!(example.square(request));
/// soa::assert_response_snapshot!(example.slow(request), redact = ["pid", "things.*.price"]);
/// soa::assert_response_snapshot!(example.square(request), @r#"{ "square": 9 }"#);
/// ```
#[macro_export]
macro_rules! assert_response_snapshot {
    ($call:expr, redact = [$($path:expr),* $(,)?] $(, @$inline:literal)? $(,)?) => {
        ::insta::assert_snapshot!($crate::testing::snapshot(&$call.await, &[$($path),*]) $(, @$inline)?)
    };
    ($call:expr $(, @$inline:literal)? $(,)?) => {
        $crate::assert_response_snapshot!($call, redact = [] $(, @$inline)?)
    };
}
