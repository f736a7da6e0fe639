//! The report of a replay: counts, and the fields that differ, each once.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::difference::Difference;
use super::entry::Entry;
use super::exact::SECRET_MARK;
use crate::codec::Value;
use crate::error::ClientError;
use crate::redact::{self, Redaction};
use crate::text;

/// The greatest length of a value that is shown, in bytes.
const MAX_SHOWN: usize = 120;

/// The result of a replay.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The recorded actions.
    pub records: u64,
    /// Those that were answered as recorded.
    pub same: u64,
    /// Those whose answers differ.
    pub different: u64,
    /// Those that were not sent, as they are not idempotent.
    pub not_idempotent: u64,
    /// Those that were not sent, as their requests had secrets, which are not in the recording.
    pub without_secrets: u64,
    /// Those that were not sent, as they are of another service.
    pub other_service: u64,
    /// Those that were not sent, as too many before them were not answered.
    pub given_up: u64,
    /// Calls without an answer, by the kind of their error.
    pub unanswered: BTreeMap<String, Unanswered>,
    /// The fields that differ, those of most calls first.
    pub fields: Vec<ChangedField>,
    /// The number of sent calls by action.
    sent: BTreeMap<String, u64>,
}

/// Calls that were not answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unanswered {
    /// The number of calls.
    pub calls: u64,
    /// The line of the first of them.
    pub line: usize,
    /// The error of the first of them.
    pub error: ClientError,
}

/// A field that differs in the answers of an action.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChangedField {
    /// The service and the action.
    pub action: String,
    /// The dotted path, with `*` for any index of a list.
    pub path: String,
    /// The kind of the difference.
    pub change: Change,
    /// The number of calls in which it differs.
    pub calls: u64,
    /// The line of the first of them.
    pub line: usize,
    /// The recorded value in the first of them, as text without secrets.
    pub recorded: Option<String>,
    /// The present value in the first of them, as text without secrets.
    pub now: Option<String>,
    /// True if the values are not the same in all of them.
    pub has_other_values: bool,
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Change {
    /// Another value.
    Changed,
    /// A field that was not recorded.
    Added,
    /// A field that is not answered any more.
    Removed,
}

impl Change {
    /// Returns the name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

impl Report {
    /// Returns true if calls were made, all were answered, and no answer differs.
    pub fn is_same(&self) -> bool {
        self.same > 0 && self.different == 0 && self.unanswered.is_empty()
    }

    /// Returns the number of calls that were made.
    pub fn sent(&self) -> u64 {
        let unanswered = self.unanswered.values().map(|found| found.calls);
        self.same + self.different + unanswered.sum::<u64>()
    }

    pub(super) fn begin(&mut self, entry: &Entry) {
        *self.sent.entry(action_of(entry)).or_default() += 1;
    }

    pub(super) fn answered(&mut self, line: usize, entry: &Entry, found: Vec<Difference>) {
        match found.is_empty() {
            true => self.same += 1,
            false => self.different += 1,
        }
        let action = action_of(entry);
        let mut counted = HashSet::new();
        for difference in found {
            let path = pattern(&difference.path);
            let change = match (&difference.recorded, &difference.now) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                _ => Change::Changed,
            };
            let is_first = counted.insert((path.clone(), change));
            let (recorded, now) = shown_pair(&difference);
            let known = self.fields.iter_mut().find(|known| {
                known.path == path && known.change == change && known.action == action
            });
            match known {
                Some(known) => {
                    known.calls += u64::from(is_first);
                    known.has_other_values |= known.recorded != recorded || known.now != now;
                    if line < known.line {
                        (known.line, known.recorded, known.now) = (line, recorded, now);
                    }
                }
                None => self.fields.push(ChangedField {
                    action: action.clone(),
                    path,
                    change,
                    calls: 1,
                    line,
                    recorded,
                    now,
                    has_other_values: false,
                }),
            }
        }
    }

    pub(super) fn unanswered(&mut self, line: usize, error: &ClientError) {
        let kind = error.kind().as_str().to_owned();
        let found = self.unanswered.entry(kind).or_insert_with(|| Unanswered {
            calls: 0,
            line,
            error: error.clone(),
        });
        found.calls += 1;
    }

    pub(super) fn finish(&mut self) {
        self.fields.sort_by(|one, other| {
            let order = |field: &ChangedField| (field.line, field.path.clone());
            other
                .calls
                .cmp(&one.calls)
                .then_with(|| order(one).cmp(&order(other)))
        });
    }
}

fn action_of(entry: &Entry) -> String {
    format!("{}.{}", entry.service, entry.action)
}

/// Replaces the indexes of a path by `*`, so that one field of many items is shown once.
fn pattern(path: &str) -> String {
    let steps = path.split('.').map(|step| {
        let is_index = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        if is_index { "*" } else { step }
    });
    steps.collect::<Vec<_>>().join(".")
}

/// Writes both values of a difference, with their types if their texts are the same.
fn shown_pair(difference: &Difference) -> (Option<String>, Option<String>) {
    let (before, after) = (difference.recorded.as_ref(), difference.now.as_ref());
    let is_secret = difference
        .path
        .split('.')
        .any(|step| Redaction::standard().hides(step));
    let written = |value: Option<&Value>| match is_secret {
        true => value.map(|_| SECRET_MARK.to_owned()),
        false => value.map(shown),
    };
    let (recorded, now) = (written(before), written(after));
    match (before, after) {
        (Some(before), Some(after))
            if recorded == now && before.kind_name() != after.kind_name() =>
        {
            let with_kind = |text: Option<String>, value: &Value| {
                text.map(|text| format!("{text} ({})", value.kind_name()))
            };
            (with_kind(recorded, before), with_kind(now, after))
        }
        _ => (recorded, now),
    }
}

/// Writes a value without secrets.
fn shown(value: &Value) -> String {
    let recorded = super::Recorded::new(value.clone(), &Redaction::standard());
    redact::cut(&text::write(&recorded.value), MAX_SHOWN).into_owned()
}

impl fmt::Display for Report {
    /// Writes the counts, and each field that differs with its first values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, same, .. } = self;
        let records = match records {
            1 => "1 record".to_owned(),
            count => format!("{count} records"),
        };
        write!(f, "{records}: {} sent, {same} as recorded", self.sent())?;
        for (count, what) in [
            (self.different, "differ"),
            (
                self.unanswered.values().map(|found| found.calls).sum(),
                "without an answer",
            ),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        for (count, why) in [
            (self.not_idempotent, "not idempotent"),
            (
                self.without_secrets,
                "their secrets are not in the recording",
            ),
            (self.other_service, "of another service"),
            (self.given_up, "nobody answered those before them"),
        ] {
            if count > 0 {
                write!(f, "\n{count} not sent: {why}")?;
            }
        }
        for (kind, found) in &self.unanswered {
            write!(
                f,
                "\n{} without an answer: {kind}: {} (line {})",
                found.calls, found.error, found.line
            )?;
        }
        for field in &self.fields {
            let sent = self.sent.get(&field.action).copied().unwrap_or_default();
            write!(
                f,
                "\n\n{}: `{}` {} in {} of {sent} calls\n",
                field.action,
                field.path,
                field.change.as_str(),
                field.calls,
            )?;
            match (&field.recorded, &field.now) {
                (Some(recorded), Some(now)) => {
                    write!(f, "    recorded {recorded}\n    now      {now}")?
                }
                (Some(recorded), None) => write!(f, "    recorded {recorded}")?,
                (_, now) => write!(f, "    now      {}", now.as_deref().unwrap_or_default())?,
            }
            let others = match field.has_other_values {
                true => ", and other values in others",
                false => "",
            };
            write!(f, "   (line {}{others})", field.line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;
    use crate::value;

    fn difference(path: &str, recorded: Option<Value>, now: Option<Value>) -> Difference {
        Difference {
            path: path.to_owned(),
            recorded,
            now,
        }
    }

    #[test]
    fn a_field_that_differs_in_many_calls_and_many_items_is_shown_once() {
        let mut report = Report::default();
        let entry = entry(value!({}), value!({}));
        for line in 1..=100 {
            report.records += 1;
            report.begin(&entry);
            let at = |index: usize| {
                let path = format!("items.{index}.price");
                difference(&path, Some(index.into()), Some((index + 1).into()))
            };
            report.answered(line, &entry, vec![at(0), at(1)]);
        }
        report.begin(&entry);
        report.answered(101, &entry, Vec::new());
        report.finish();
        assert_eq!(report.fields.len(), 1);
        let text = report.to_string();
        assert!(
            text.ends_with(
                "shop.order: `items.*.price` changed in 100 of 101 calls\n    recorded 0\n    now      1   \
                 (line 1, and other values in others)"
            ),
            "{text}"
        );
    }

    #[test]
    fn secrets_are_not_shown_and_types_are_where_texts_are_equal() {
        let secret = difference("login.token", Some("a".into()), Some("b".into()));
        let mark = Some(SECRET_MARK.to_owned());
        assert_eq!(shown_pair(&secret), (mark.clone(), mark));
        let inner = difference("login", None, Some(value!({ "token": "b" })));
        assert_eq!(shown_pair(&inner).1.unwrap(), r#"{"token": "**********"}"#);
        let price: crate::Decimal = "1.10".parse().unwrap();
        let typed = difference("price", Some(price.into()), Some("1.10".into()));
        let (recorded, now) = shown_pair(&typed);
        assert_eq!(recorded.unwrap(), r#""1.10" (decimal)"#);
        assert_eq!(now.unwrap(), r#""1.10" (text)"#);
    }
}
