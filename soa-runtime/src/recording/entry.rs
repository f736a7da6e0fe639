//! Entries of a recording: one action, as a line of JSON.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::exact::Recorded;
use crate::codec::{Encoding, Map, UtcDateTime, Value};
use crate::message::WireError;
use crate::redact::Redaction;
use crate::text;

/// The version of the format. It changes with what a reader must know, and not with keys that it may leave out.
const FORMAT: i64 = 1;

/// The greatest number of characters of a line that an error shows.
const MAX_SHOWN: usize = 60;

/// A recorded action: its request, the part of its context that a service can act on, and its outcome.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The time at which the action was done.
    pub time: UtcDateTime,
    /// The name under which the service ran.
    pub service: String,
    /// The action.
    pub action: String,
    /// True if the action is declared idempotent: a replay changes nothing that the first call has not changed.
    pub is_idempotent: bool,
    /// The id that leads to the logs and traces of the call. A replay has another one.
    pub correlation_id: String,
    /// The service or program that called.
    pub caller: Option<String>,
    /// The active switches.
    pub switches: Vec<i64>,
    /// The keys that callers have added to the context.
    pub context: Recorded,
    /// The request.
    pub request: Recorded,
    /// The answer.
    pub outcome: Outcome,
    /// The time that the action took.
    pub took: Duration,
}

/// The outcome of a recorded action.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A response.
    Answered(Recorded),
    /// A list of errors.
    Failed(Recorded),
}

impl Outcome {
    /// Records errors.
    pub(crate) fn of_errors(errors: &[WireError], redaction: &Redaction) -> Self {
        Self::Failed(Recorded::new(error_list(errors), redaction))
    }

    /// Returns the outcome with what JSON has alone: values of all other types are texts.
    pub(super) fn in_text(&self) -> Self {
        match self {
            Self::Answered(response) => Self::Answered(response.in_text()),
            Self::Failed(errors) => Self::Failed(errors.in_text()),
        }
    }
}

/// Errors as plain data.
pub(super) fn error_list(errors: &[WireError]) -> Value {
    let errors = errors.iter().map(|error| Value::Map(error_map(error)));
    Value::List(errors.collect())
}

/// An error with what a caller can act on. Tracebacks change with every build.
fn error_map(error: &WireError) -> Map {
    let mut map = Map::from([
        ("code", Value::from(&*error.code)),
        ("message", (&*error.message).into()),
    ]);
    if let Some(field) = &error.field {
        map.insert("field", field.as_str());
    }
    if let Some(variables) = &error.variables {
        map.insert("variables", variables.clone());
    }
    if let Some(denied) = &error.denied_permissions {
        let denied = denied.iter().map(|name| name.as_str().into());
        map.insert("denied_permissions", Value::List(denied.collect()));
    }
    map.insert("is_caller_error", error.is_caller_error);
    map
}

impl Entry {
    /// Writes the entry as one line, without its end.
    pub fn to_line(&self) -> String {
        let switches = self.switches.iter().map(|switch| (*switch).into());
        let mut map = Map::from([
            ("format", Value::from(FORMAT)),
            ("time", self.time.into()),
            ("service", self.service.as_str().into()),
            ("action", self.action.as_str().into()),
            ("idempotent", self.is_idempotent.into()),
            ("correlation_id", self.correlation_id.as_str().into()),
        ]);
        if let Some(caller) = &self.caller {
            map.insert("caller", caller.as_str());
        }
        if !self.switches.is_empty() {
            map.insert("switches", Value::List(switches.collect()));
        }
        if self.context.value.is_truthy() {
            map.insert("context", self.context.to_map());
        }
        map.insert("request", self.request.to_map());
        match &self.outcome {
            Outcome::Answered(response) => map.insert("response", response.to_map()),
            Outcome::Failed(errors) => map.insert("errors", errors.to_map()),
        };
        map.insert("seconds", self.took.as_secs_f64());
        text::write(&Value::Map(map))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// The line is no entry, or one of a later version of the format.
    pub fn from_line(line: &str) -> Result<Self, UnreadableEntry> {
        let plain = Encoding::Json
            .decode_value(line.as_bytes())
            .map_err(|error| UnreadableEntry {
                problem: format!("it is not JSON: {error}: `{}`", shown(line)),
                is_cut: true,
            })?;
        Self::from_plain(&plain).map_err(|problem| UnreadableEntry {
            problem,
            is_cut: false,
        })
    }

    fn from_plain(plain: &Value) -> Result<Self, String> {
        match plain.get("format").and_then(Value::as_i64) {
            Some(FORMAT) => {}
            Some(later) => {
                return Err(format!(
                    "its format is {later}, and this program reads {FORMAT}: use the version that has recorded it"
                ));
            }
            None => return Err("it is no recorded action: `format` is missing".to_owned()),
        }
        let text = |key: &str| {
            let text = plain.get(key).and_then(Value::as_str);
            text.ok_or_else(|| format!("`{key}` must be text"))
        };
        let recorded = |key: &str| {
            let found = plain.get(key).map(Recorded::from_plain).transpose();
            found.map_err(|problem| format!("`{key}`: {problem}"))
        };
        let time = text("time")?.parse::<UtcDateTime>();
        let switches = plain.get("switches").and_then(Value::as_list);
        let outcome = match (recorded("response")?, recorded("errors")?) {
            (Some(response), None) => Outcome::Answered(response),
            (None, Some(errors)) => Outcome::Failed(errors),
            _ => return Err("expected either `response` or `errors`".to_owned()),
        };
        let seconds = plain.get("seconds").and_then(Value::as_f64);
        Ok(Self {
            time: time.map_err(|error| format!("`time`: {error}"))?,
            service: text("service")?.to_owned(),
            action: text("action")?.to_owned(),
            is_idempotent: plain.get("idempotent").and_then(Value::as_bool) == Some(true),
            correlation_id: text("correlation_id").unwrap_or_default().to_owned(),
            caller: text("caller").ok().map(str::to_owned),
            switches: switches
                .unwrap_or_default()
                .iter()
                .filter_map(Value::as_i64)
                .collect(),
            context: recorded("context")?.unwrap_or_default(),
            request: recorded("request")?.ok_or("`request` is missing")?,
            outcome,
            took: Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default(),
        })
    }
}

fn shown(line: &str) -> String {
    line.chars().take(MAX_SHOWN).collect()
}

/// A line that cannot be read as an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEntry {
    problem: String,
    is_cut: bool,
}

impl UnreadableEntry {
    /// True if the line is not even JSON: a line that is cut off, as a process that is killed may leave it.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl fmt::Display for UnreadableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Error for UnreadableEntry {}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::value;

    /// An entry with this request and this response.
    pub(in crate::recording) fn entry(request: Value, response: Value) -> Entry {
        let redaction = Redaction::standard();
        Entry {
            time: "2026-11-21T08:30:00Z".parse().unwrap(),
            service: "shop".to_owned(),
            action: "order".to_owned(),
            is_idempotent: true,
            correlation_id: "c1".to_owned(),
            caller: Some("web".to_owned()),
            switches: vec![5],
            context: Recorded::new(value!({ "locale": "fr_FR" }), &redaction),
            request: Recorded::new(request, &redaction),
            outcome: Outcome::Answered(Recorded::new(response, &redaction)),
            took: Duration::from_millis(3),
        }
    }

    #[test]
    fn a_line_has_all_of_an_entry() {
        let written = entry(value!({ "n": 1 }), value!({ "total": 2 }));
        let line = written.to_line();
        assert!(!line.contains('\n'));
        assert!(
            line.starts_with(
                r#"{"format": 1, "time": "2026-11-21T08:30:00+00:00", "service": "shop""#
            ),
            "{line}"
        );
        assert_eq!(Entry::from_line(&line), Ok(written.clone()));
        let error = WireError::caller("NO_STOCK", "There is none").with_field("n");
        let failed = Entry {
            outcome: Outcome::of_errors(&[error], &Redaction::standard()),
            caller: None,
            switches: Vec::new(),
            context: Recorded::default(),
            ..written
        };
        assert_eq!(Entry::from_line(&failed.to_line()), Ok(failed));
    }

    #[test]
    fn a_line_that_is_cut_off_and_one_of_a_later_format_are_told_apart() {
        let line = entry(value!({}), value!({})).to_line();
        let cut = Entry::from_line(&line[..line.len() / 2]).unwrap_err();
        assert!(cut.is_cut(), "{cut}");
        let later = Entry::from_line(&line.replace("\"format\": 1", "\"format\": 2")).unwrap_err();
        assert!(
            !later.is_cut() && later.to_string().contains("its format is 2"),
            "{later}"
        );
        let other = Entry::from_line(r#"{"level": "info"}"#).unwrap_err();
        assert!(other.to_string().contains("no recorded action"), "{other}");
    }
}
