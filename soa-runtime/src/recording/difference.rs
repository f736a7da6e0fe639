//! Differences between a recorded outcome and the present one, field by field.

use super::entry::Outcome;
use super::exact::{Recorded, key_text};
use super::path::FieldPath;
use crate::codec::Value;

/// The path of a difference in which one side has a response and the other side errors.
pub(super) const OUTCOME: &str = "(outcome)";

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// The dotted path.
    pub(super) path: String,
    /// The recorded value; `None` for a field that is new.
    pub(super) recorded: Option<Value>,
    /// The present value; `None` for a field that is gone.
    pub(super) now: Option<Value>,
}

/// Finds the fields that differ, without those to ignore and those whose secrets were removed from the recording.
pub(super) fn differences(
    recorded: &Outcome,
    now: &Outcome,
    ignored: &[FieldPath],
) -> Vec<Difference> {
    let (kept, found, root) = match (recorded, now) {
        (Outcome::Answered(kept), Outcome::Answered(now)) => (kept, &now.value, ""),
        (Outcome::Failed(kept), Outcome::Failed(now)) => (kept, &now.value, "errors"),
        (recorded, now) => {
            return vec![Difference {
                path: OUTCOME.to_owned(),
                recorded: Some(summary(recorded).into()),
                now: Some(summary(now).into()),
            }];
        }
    };
    let mut comparison = Comparison {
        recorded: kept,
        prefix: root.len() + usize::from(!root.is_empty()),
        ignored,
        found: Vec::new(),
    };
    comparison.compare(root, Some(&kept.value), Some(found));
    comparison.found
}

/// The outcome in a line: a response, or the first error.
fn summary(outcome: &Outcome) -> String {
    let Outcome::Failed(errors) = outcome else {
        return "a response".to_owned();
    };
    let errors = errors.value.as_list().unwrap_or_default();
    let text = |key: &str| {
        let first = errors.first().and_then(|error| error.get(key));
        first.and_then(Value::as_str)
    };
    let place = text("field").map_or(String::new(), |field| format!(" at `{field}`"));
    let more = match errors.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!(
        "{}{place}: {}{more}",
        text("code").unwrap_or("an error"),
        text("message").unwrap_or_default()
    )
}

struct Comparison<'a> {
    recorded: &'a Recorded,
    /// The length of what stands before a path within the recorded value.
    prefix: usize,
    ignored: &'a [FieldPath],
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn compare(&mut self, path: &str, recorded: Option<&Value>, now: Option<&Value>) {
        if recorded == now || self.ignored.iter().any(|one| one.covers(path)) {
            return;
        }
        let below = |step: &str| match path {
            "" => step.to_owned(),
            path => format!("{path}.{step}"),
        };
        match (recorded, now) {
            (Some(Value::Map(before)), Some(Value::Map(after))) => {
                for (key, value) in before.iter() {
                    let other = after.iter().find(|(found, _)| found == key);
                    let other = other.map(|(_, value)| value);
                    self.compare(&below(&key_text(key)), Some(value), other);
                }
                for (key, value) in after.iter() {
                    if !before.iter().any(|(found, _)| found == key) {
                        self.compare(&below(&key_text(key)), None, Some(value));
                    }
                }
            }
            (Some(Value::List(before)), Some(Value::List(after))) => {
                for index in 0..before.len().max(after.len()) {
                    let path = below(&index.to_string());
                    self.compare(&path, before.get(index), after.get(index));
                }
            }
            // Nobody knows what stood there. That it is gone would still be a difference.
            (Some(_), Some(_)) if self.is_redacted(path) => {}
            (recorded, now) => self.found.push(Difference {
                path: path.to_owned(),
                recorded: recorded.cloned(),
                now: now.cloned(),
            }),
        }
    }

    fn is_redacted(&self, path: &str) -> bool {
        let path = path.get(self.prefix..).unwrap_or_default();
        self.recorded.is_redacted(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::WireError;
    use crate::redact::Redaction;
    use crate::value;

    fn answered(value: Value) -> Outcome {
        Outcome::Answered(Recorded::new(value, &Redaction::standard()))
    }

    fn now(value: Value) -> Outcome {
        Outcome::Answered(Recorded::whole(value))
    }

    fn paths(recorded: &Outcome, now: &Outcome, ignored: &[&str]) -> Vec<String> {
        let ignored: Vec<_> = ignored.iter().map(|path| path.parse().unwrap()).collect();
        let found = differences(recorded, now, &ignored);
        found.into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn each_field_that_differs_is_found_and_no_other() {
        let before = value!({ "a": 1, "b": { "c": [1, 2], "gone": 0 }, "same": "x", 7: 1 });
        let after = value!({ 7: 2, "same": "x", "b": { "new": 0, "c": [1, 3, 4] }, "a": 1 });
        let found = paths(&answered(before.clone()), &now(after.clone()), &[]);
        assert_eq!(found, ["b.c.1", "b.c.2", "b.gone", "b.new", "7"]);
        let ignored = ["b.c.*", "7", "*.gone", "b.new"];
        assert!(paths(&answered(before), &now(after), &ignored).is_empty());
    }

    #[test]
    fn another_type_is_a_difference_and_another_order_of_keys_is_none() {
        let date = value!({ "day": (crate::Date::new(2026, 11, 21).unwrap()) });
        let text = value!({ "day": "2026-11-21" });
        assert_eq!(paths(&answered(date), &now(text), &[]), ["day"]);
        let (one, other) = (value!({ "a": 1, "b": 2 }), value!({ "b": 2, "a": 1 }));
        assert!(paths(&answered(one), &now(other), &[]).is_empty());
    }

    #[test]
    fn in_text_form_a_type_is_no_difference_and_a_value_is_one() {
        let day = crate::Date::new(2026, 11, 21).unwrap();
        let typed = answered(value!({ "day": day, "by id": { 7: 2.0 } })).in_text();
        let text = |day: &'static str| {
            let value = value!({ "day": day, "by id": { "7": 2.0 } });
            now(value).in_text()
        };
        assert!(paths(&typed, &text("2026-11-21"), &[]).is_empty());
        assert_eq!(paths(&typed, &text("2026-11-22"), &[]), ["day"]);
    }

    #[test]
    fn a_secret_is_no_difference_unless_it_is_gone() {
        let recorded = answered(value!({ "id": 1, "token": "abc" }));
        assert!(paths(&recorded, &now(value!({ "id": 1, "token": "xyz" })), &[]).is_empty());
        assert_eq!(paths(&recorded, &now(value!({ "id": 1 })), &[]), ["token"]);
    }

    #[test]
    fn errors_are_compared_by_field_and_with_a_response_as_a_whole() {
        let failed = |message: &'static str| {
            let error = WireError::caller("NO_STOCK", message).with_field("n");
            Outcome::of_errors(&[error], &Redaction::standard())
        };
        let found = paths(&failed("There is none"), &failed("Sold out"), &[]);
        assert_eq!(found, ["errors.0.message"]);
        let ignored = ["errors.*.message"];
        assert!(paths(&failed("a"), &failed("b"), &ignored).is_empty());
        let found = differences(&answered(value!({})), &failed("Sold out"), &[]);
        assert_eq!(found[0].path, OUTCOME);
        assert_eq!(found[0].now, Some("NO_STOCK at `n`: Sold out".into()));
    }
}
