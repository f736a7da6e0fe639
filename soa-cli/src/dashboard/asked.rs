//! A call, as the page asks for it.
//!
//! Numbers keep their digits on the way, so the request is read as the values of the framework and not as those of a library of
//! JSON.

use std::time::Duration;

use soa_runtime::codec::{Map, Value};
use soa_runtime::message::{Switch, SwitchSet};
use soa_runtime::text::{self, Plain};

use super::answer::{Refusal, only_keys};

/// Time limit of a call without one.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time limit of a call.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

const KEYS: [&str; 7] = [
    "service",
    "action",
    "body",
    "switches",
    "context",
    "timeout_ms",
    "is_check",
];

/// A call, as it is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) service: String,
    pub(super) action: String,
    pub(super) body: Value,
    pub(super) switches: Vec<i64>,
    pub(super) context: Map,
    pub(super) timeout: Duration,
    /// True if nothing is to be sent.
    pub(super) is_check: bool,
}

impl Asked {
    /// Reads a request.
    pub(super) fn read(text: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text);
        let text = text.map_err(|_| Refusal::bad("the request is not UTF-8"))?;
        let request = Plain::from_json(text);
        let request = request
            .map_err(|error| Refusal::bad(format!("the request is not JSON: {error}")))?
            .into_exact();
        let Some(request) = request.as_map() else {
            return Err(Refusal::bad("the request must be an object"));
        };
        only_keys(request.iter().filter_map(|(key, _)| key.as_str()), &KEYS)?;
        let name = |key: &str| match request.get(key).and_then(Value::as_str) {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => Err(Refusal::bad(format!(
                "`{key}` must be a text that is not empty"
            ))),
        };
        let object = |key: &str| match request.get(key) {
            None | Some(Value::Nil) => Ok(Map::new()),
            Some(Value::Map(map)) => Ok(map.clone()),
            Some(_) => Err(Refusal::bad(format!("`{key}` must be an object"))),
        };
        let switches = match request.get("switches") {
            None => Some(Vec::new()),
            Some(given) => given
                .as_list()
                .and_then(|list| list.iter().map(Value::as_i64).collect()),
        };
        let limit = MAX_TIMEOUT.as_millis();
        let timeout = match request.get("timeout_ms") {
            None => Some(TIMEOUT),
            Some(given) => {
                let millis = given.as_i64().and_then(|millis| u64::try_from(millis).ok());
                let span = millis
                    .filter(|millis| *millis > 0)
                    .map(Duration::from_millis);
                span.filter(|span| *span <= MAX_TIMEOUT)
            }
        };
        Ok(Self {
            service: name("service")?,
            action: name("action")?,
            body: Value::Map(object("body")?),
            switches: switches
                .ok_or_else(|| Refusal::bad("`switches` must be a list of whole numbers"))?,
            context: object("context")?,
            timeout: timeout
                .ok_or_else(|| Refusal::bad(format!("`timeout_ms` must be from 1 to {limit}")))?,
            is_check: request.get("is_check").and_then(Value::as_bool) == Some(true),
        })
    }

    /// The request again, without what is as by default.
    pub(super) fn as_json(&self) -> String {
        let mut told = Map::new();
        told.insert("service", self.service.as_str());
        told.insert("action", self.action.as_str());
        told.insert("body", self.body.clone());
        if !self.switches.is_empty() {
            let switches = self.switches.iter().map(|number| Value::from(*number));
            told.insert("switches", switches.collect::<Vec<_>>());
        }
        if !self.context.is_empty() {
            told.insert("context", Value::Map(self.context.clone()));
        }
        if self.timeout != TIMEOUT {
            let millis = u64::try_from(self.timeout.as_millis()).unwrap_or(0);
            told.insert("timeout_ms", millis);
        }
        exact(&Value::Map(told))
    }

    /// The switches of the call.
    pub(super) fn switches(&self) -> SwitchSet {
        self.switches.iter().copied().map(Switch::new).collect()
    }
}

/// Writes what was read as JSON again. Decimals are the numbers that they were: as text, they would be others to an action
/// that tells no types.
pub(super) fn exact(value: &Value) -> String {
    let parts = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Decimal(number) => number.to_string(),
        Value::List(list) => format!("[{}]", parts(list.iter().map(exact).collect())),
        Value::Map(map) => {
            let entries = map.iter();
            let entries =
                entries.map(|(key, value)| format!("{}: {}", text::write(key), exact(value)));
            format!("{{{}}}", parts(entries.collect()))
        }
        other => text::write(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_all_digits_and_written_again() {
        let text = r#"{"service":"shop","action":"buy","body":{"price":1.10,"day":null},"switches":[5],"timeout_ms":100}"#;
        let asked = Asked::read(text.as_bytes()).unwrap();
        assert!(matches!(asked.body.get("price"), Some(Value::Decimal(_))));
        assert_eq!(asked.timeout, Duration::from_millis(100));
        assert!(
            asked.as_json().contains(r#""price": 1.10, "#),
            "{}",
            asked.as_json()
        );
        for text in [
            "{}",
            r#"{"a": [1.5, -0.25, 12345678901234567890, "1.5", null, true, [], {}], "\"": {"": "\n"}}"#,
        ] {
            let value = Plain::from_json(text).unwrap().into_exact();
            assert_eq!(exact(&value), text);
            let large = Plain::from_json("[1e300, 1.5e-200]").unwrap().into_exact();
            let again = Plain::from_json(&exact(&large)).unwrap().into_exact();
            assert_eq!(again, large);
        }
        assert!(asked.as_json().contains("switches"));
    }

    #[test]
    fn a_request_that_is_none_is_told_what_is_wrong() {
        for (text, part) in [
            ("", "not JSON"),
            ("[]", "must be an object"),
            (r#"{"service":"a"}"#, "`action`"),
            (r#"{"service":"a","action":"b","bdy":{}}"#, "no key `bdy`"),
            (r#"{"service":"a","action":"b","body":[]}"#, "`body`"),
            (
                r#"{"service":"a","action":"b","switches":["x"]}"#,
                "`switches`",
            ),
            (
                r#"{"service":"a","action":"b","timeout_ms":0}"#,
                "`timeout_ms`",
            ),
            (
                r#"{"service":"a","action":"b","timeout_ms":60001}"#,
                "`timeout_ms`",
            ),
        ] {
            let refusal = format!("{:?}", Asked::read(text.as_bytes()).unwrap_err());
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
    }
}
