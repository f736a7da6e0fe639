//! The comparison of two versions of a service.
//!
//! The new version must accept every request that the old one accepts, and callers of the old version must be able to read
//! every response of the new one. Both are the same question: does every value that one schema allows fit the other
//! schema? New keys in a response are compatible, because callers ignore unknown keys.

use std::collections::BTreeSet;
use std::fmt;

use super::allow::allows;
use super::offer::{Introspection, plain};
use super::shape::{
    LIMITS, allows_extra_keys, at, fields, is_optional, join, kind, limit, list, text,
};
use crate::codec::Value;
use crate::message::SwitchSet;

/// The effect of a new version on the callers of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compatibility {
    /// All calls work as before.
    Compatible,
    /// Some calls will fail.
    Breaking,
    /// Some calls would fail, but nobody makes any: see [`CompatibilityReport::used`].
    Unused,
}

/// The comparison of one action in the old and the new version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionChange {
    /// Name of the action, as in `introspect`.
    pub action: String,
    /// Effect on callers.
    pub compatibility: Compatibility,
    /// Differences that break calls; empty if the action is compatible.
    pub reasons: Vec<String>,
}

/// The comparison of two versions of a service: all actions of the old version, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompatibilityReport(Vec<ActionChange>);

/// Compares two versions of a service, for callers of the old one.
///
/// ```
/// # use soa_wire as soa;
/// use soa::introspection::{Introspection, check_compatible};
/// use soa::value;
///
/// let old = Introspection::from_value(value!({ "actions": { "find": {}, "remove": {} } }))?;
/// let new = Introspection::from_value(value!({ "actions": { "find": {} } }))?;
/// let report = check_compatible(&old, &new);
/// assert!(!report.is_compatible());
/// assert_eq!(report.actions()[1].reasons, ["the action is gone"]);
/// assert!(report.used(["find"]).is_compatible());
/// # Ok::<(), soa::BuildError>(())
/// ```
pub fn check_compatible(old: &Introspection, new: &Introspection) -> CompatibilityReport {
    let changes = old.actions.iter().map(|(action, before)| {
        let mut reasons = Vec::new();
        // The name of a variant has its switch.
        match new.answering(action, &SwitchSet::default()) {
            None => reasons.push("the action is gone".to_owned()),
            Some(after) => {
                let mut request = Fit::new("request");
                request.bodies(before.request.as_ref(), after.request.as_ref());
                let mut response = Fit::new("response");
                response.bodies(after.response.as_ref(), before.response.as_ref());
                reasons.extend(request.reasons);
                reasons.extend(response.reasons);
            }
        }
        ActionChange {
            action: action.clone(),
            compatibility: match reasons.is_empty() {
                true => Compatibility::Compatible,
                false => Compatibility::Breaking,
            },
            reasons,
        }
    });
    CompatibilityReport(changes.collect())
}

impl CompatibilityReport {
    /// Returns the report for callers that use only these actions: breaking changes of other actions become
    /// [`Compatibility::Unused`].
    ///
    /// The names are those of `introspect`. The name of an action without a variant stands for all of its variants. A name
    /// that the old version does not have is breaking.
    #[must_use]
    pub fn used<N: AsRef<str>>(mut self, actions: impl IntoIterator<Item = N>) -> Self {
        let used: BTreeSet<String> = actions
            .into_iter()
            .map(|name| name.as_ref().to_owned())
            .collect();
        let known: BTreeSet<String> = self.0.iter().map(|change| change.action.clone()).collect();
        for change in &mut self.0 {
            let is_used = used.contains(&change.action) || used.contains(plain(&change.action));
            if !is_used && change.compatibility == Compatibility::Breaking {
                change.compatibility = Compatibility::Unused;
            }
        }
        let is_unknown = |action: &String| {
            !known
                .iter()
                .any(|one| one == action || plain(one) == action)
        };
        let unknown = used.into_iter().filter(is_unknown);
        self.0.extend(unknown.map(|action| ActionChange {
            action,
            compatibility: Compatibility::Breaking,
            reasons: vec!["the old version has no such action".to_owned()],
        }));
        self
    }

    /// Returns the actions of the old version.
    pub fn actions(&self) -> &[ActionChange] {
        &self.0
    }

    /// Returns true if no change is breaking.
    pub fn is_compatible(&self) -> bool {
        let mut changes = self.0.iter();
        !changes.any(|change| change.compatibility == Compatibility::Breaking)
    }
}

impl fmt::Display for CompatibilityReport {
    /// Writes a line for each action, and below it a line for each reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.0 {
            let word = match change.compatibility {
                Compatibility::Compatible => "compatible",
                Compatibility::Breaking => "breaking",
                Compatibility::Unused => "unused",
            };
            writeln!(f, "{word:<10}  {}", change.action)?;
            for reason in &change.reasons {
                writeln!(f, "            {reason}")?;
            }
        }
        Ok(())
    }
}

/// A comparison of two schemas, which collects the values of one that do not fit the other.
struct Fit {
    side: &'static str,
    reasons: Vec<String>,
}

impl Fit {
    fn new(side: &'static str) -> Self {
        Self {
            side,
            reasons: Vec::new(),
        }
    }

    fn is_request(&self) -> bool {
        self.side == "request"
    }

    /// Returns the end of a sentence about a value that the other side does not understand.
    fn refusal(&self) -> &'static str {
        match self.is_request() {
            true => "which the new version does not accept",
            false => "which callers do not expect",
        }
    }

    fn say(&mut self, path: &str, what: &str) {
        let side = self.side;
        self.reasons.push(format!("{side}: {} {what}", at(path)));
    }

    /// Compares the schemas of two bodies: `from` is that of the sender, `into` that of the reader. `None` allows anything.
    fn bodies(&mut self, from: Option<&Value>, into: Option<&Value>) {
        match (from, into) {
            (_, None) => {}
            (None, Some(_)) if self.is_request() => {
                self.say("", "could be anything, and now has a schema");
            }
            (None, Some(_)) => self.say("", "had a schema, and now may be anything"),
            (Some(from), Some(into)) => self.fits(from, into, ""),
        }
    }

    fn is_fit(&self, from: &Value, into: &Value) -> bool {
        let mut fit = Self::new(self.side);
        fit.fits(from, into, "");
        fit.reasons.is_empty()
    }

    fn fits(&mut self, from: &Value, into: &Value, path: &str) {
        let (sent, understood) = (kind(from), kind(into));
        match (sent, understood) {
            (_, "anything") => {}
            (_, "all") => {
                for requirement in list(into, "requirements") {
                    self.fits(from, requirement, path);
                }
            }
            ("all", _) => {
                let mut requirements = list(from, "requirements").iter();
                if !requirements.any(|requirement| self.is_fit(requirement, into)) {
                    self.say(path, &format!("is no longer guaranteed to be {understood}"));
                }
            }
            ("any", _) => {
                for option in list(from, "options") {
                    self.fits(option, into, path);
                }
            }
            ("nullable", "nullable") => {
                if let (Some(from), Some(into)) = (from.get("nullable"), into.get("nullable")) {
                    self.fits(from, into, path);
                }
            }
            ("null", "nullable") => {}
            (_, "nullable") => {
                if let Some(into) = into.get("nullable") {
                    self.fits(from, into, path);
                }
            }
            ("nullable", _) if allows(into, &Value::Nil) => {
                if let Some(from) = from.get("nullable") {
                    self.fits(from, into, path);
                }
            }
            ("nullable", _) => {
                let what = format!("may be nil, {}", self.refusal());
                self.say(path, &what);
            }
            ("constant", _) => {
                let values = list(from, "values").iter();
                let refused: Vec<_> = values.filter(|value| !allows(into, value)).collect();
                if !refused.is_empty() {
                    let what = format!("may be {refused:?}, {}", self.refusal());
                    self.say(path, &what);
                }
            }
            (_, "any") => {
                let mut options = list(into, "options").iter();
                if !options.any(|option| self.is_fit(from, option)) {
                    self.say(
                        path,
                        &format!("may be of type {sent}, which fits none of the options"),
                    );
                }
            }
            ("dictionary", "schemaless_dictionary") => {
                if let Some(values) = into.get("value_type") {
                    for (name, field) in fields(from, "contents") {
                        self.fits(field, values, &join(path, name));
                    }
                }
            }
            ("integer", "float") => self.limits(from, into, path),
            _ if sent != understood => {
                self.say(path, &format!("is sent as {sent} and read as {understood}"));
            }
            _ => self.same_kind(from, into, path),
        }
    }

    fn same_kind(&mut self, from: &Value, into: &Value, path: &str) {
        self.limits(from, into, path);
        let both = |key| Some((from.get(key)?, into.get(key)?));
        match kind(from) {
            "dictionary" => self.dictionaries(from, into, path),
            "list" | "set" | "sequence" => {
                if let Some((from, into)) = both("contents") {
                    self.fits(from, into, &join(path, "*"));
                }
            }
            "schemaless_dictionary" => {
                for (key, what) in [("key_type", "keys"), ("value_type", "values")] {
                    if let Some((from, into)) = both(key) {
                        self.fits(from, into, &join(path, "*"));
                    } else if into.get(key).is_some() {
                        let what = match self.is_request() {
                            true => format!("could have any {what}, and no longer can"),
                            false => format!("had {what} of a type, and now may have any"),
                        };
                        self.say(path, &what);
                    }
                }
            }
            "tuple" => {
                let (sent, read) = (list(from, "contents"), list(into, "contents"));
                if sent.len() != read.len() {
                    self.say(path, "has another number of elements");
                }
                for (index, (from, into)) in sent.iter().zip(read).enumerate() {
                    self.fits(from, into, &join(path, &index.to_string()));
                }
            }
            "polymorph" => {
                if text(from, "switch_field") != text(into, "switch_field") {
                    self.say(path, "has another switch field");
                }
                for (name, option) in fields(from, "contents_map") {
                    let mut known = fields(into, "contents_map");
                    match known.find(|(other, _)| *other == name) {
                        Some((_, into)) => self.fits(option, into, path),
                        None => self.say(path, &format!("may be `{name}`, which is not known")),
                    }
                }
            }
            _ => {}
        }
    }

    fn limits(&mut self, from: &Value, into: &Value, path: &str) {
        for (name, is_upper, is_exclusive) in LIMITS {
            let Some(now) = limit(into, name) else {
                continue;
            };
            let is_length = name.ends_with("length");
            let same_kind = LIMITS.iter().filter(|(other, upper, _)| {
                *upper == is_upper && other.ends_with("length") == is_length
            });
            let mut sent =
                same_kind.filter_map(|(name, _, exclusive)| Some((limit(from, name)?, *exclusive)));
            let is_within = sent.any(|(limit, exclusive)| {
                let is_inside = if is_upper { limit < now } else { limit > now };
                let is_beyond = if is_upper { limit > now } else { limit < now };
                is_inside || (!is_beyond && (exclusive || !is_exclusive))
            });
            if !is_within {
                self.say(path, &format!("may violate {name} = {now}"));
            }
        }
    }

    fn dictionaries(&mut self, from: &Value, into: &Value, path: &str) {
        for (name, sent) in fields(from, "contents") {
            let place = join(path, name);
            match fields(into, "contents").find(|(other, _)| *other == name) {
                Some((_, read)) => {
                    if is_optional(from, name) && !is_optional(into, name) {
                        self.say(&place, "may be left out, but is required");
                    }
                    self.fits(sent, read, &place);
                }
                None if self.is_request() && !allows_extra_keys(into) => {
                    self.say(&place, "is no longer known");
                }
                None => {}
            }
        }
        for (name, _) in fields(into, "contents") {
            let is_sent = fields(from, "contents").any(|(other, _)| other == name);
            if !is_sent && !is_optional(into, name) {
                let place = join(path, name);
                let what = match self.is_request() {
                    true => "is new, and required",
                    false => "is gone",
                };
                self.say(&place, what);
            }
        }
        if self.is_request() && allows_extra_keys(from) && !allows_extra_keys(into) {
            self.say(path, "could have further keys, and no longer can");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    /// Returns the reasons if an action with these schemas of request and response is replaced by another.
    fn reasons(old: (Value, Value), new: (Value, Value)) -> Vec<String> {
        let offer = |name: &str, (request, response): (Value, Value)| {
            let schemas = value!({ "request_schema": request, "response_schema": response });
            let actions: crate::Map = [(Value::from(name), schemas)].into_iter().collect();
            Introspection::from_value(value!({ "actions": (Value::Map(actions)) })).unwrap()
        };
        let report = check_compatible(&offer("find", old), &offer("find", new));
        report.actions()[0].reasons.clone()
    }

    fn field(schema: Value) -> Value {
        value!({ "type": "dictionary", "contents": { "a": schema } })
    }

    #[test]
    fn what_fits_and_what_does_not() {
        let text = || value!({ "type": "unicode" });
        let integer = || value!({ "type": "integer" });
        let null = || value!({ "type": "null" });
        let all = |one: Value| value!({ "type": "all", "requirements": [one] });
        let nullable = |one: Value| value!({ "type": "nullable", "nullable": one });
        let any = |one: Value, other: Value| value!({ "type": "any", "options": [one, other] });
        let keys = |keys: Value| value!({ "type": "schemaless_dictionary", "key_type": keys, "value_type": { "type": "unicode" } });
        for (sent, read, fits) in [
            (all(text()), all(text()), true),
            (all(text()), all(integer()), false),
            (all(text()), text(), true),
            (text(), all(integer()), false),
            (nullable(text()), any(text(), null()), true),
            (nullable(text()), any(text(), integer()), false),
            (nullable(text()), any(nullable(text()), integer()), true),
            (any(text(), null()), nullable(text()), true),
            (keys(text()), keys(text()), true),
            (keys(integer()), keys(text()), false),
        ] {
            let shown = format!("{sent:?} read as {read:?}");
            // What is sent in a request is as the old version has it, in a response as the new one.
            let request = reasons(
                (field(sent.clone()), Value::Nil),
                (field(read.clone()), Value::Nil),
            );
            let response = reasons((Value::Nil, field(read)), (Value::Nil, field(sent)));
            assert_eq!(
                (request.is_empty(), response.is_empty()),
                (fits, fits),
                "{shown}: {request:?} {response:?}"
            );
        }
    }

    #[test]
    fn schemas_that_come_and_go_are_told_by_the_side_they_are_on() {
        let some = || field(value!({ "type": "unicode" }));
        assert_eq!(
            reasons((Value::Nil, Value::Nil), (some(), Value::Nil)),
            ["request: the body could be anything, and now has a schema"]
        );
        assert_eq!(
            reasons((Value::Nil, some()), (Value::Nil, Value::Nil)),
            ["response: the body had a schema, and now may be anything"]
        );
    }

    #[test]
    fn a_schema_of_anything_is_none_so_an_untyped_action_may_become_idempotent() {
        let some = || field(value!({ "type": "unicode" }));
        let anything = || value!({ "type": "anything", "soa": { "idempotent": true } });
        let none = || (Value::Nil, Value::Nil);
        assert_eq!(reasons(none(), (anything(), Value::Nil)), [] as [&str; 0]);
        assert_eq!(reasons((anything(), Value::Nil), none()), [] as [&str; 0]);
        assert_eq!(
            reasons((anything(), Value::Nil), (some(), Value::Nil)),
            ["request: the body could be anything, and now has a schema"]
        );
    }

    #[test]
    fn variants_stand_for_the_action_that_they_are_of() {
        let offer = |names: &[&str]| {
            let text = || field(value!({ "type": "unicode" }));
            let other = || field(value!({ "type": "integer" }));
            let actions: crate::Map = names
                .iter()
                .map(|name| {
                    let request = if name.contains("switch") {
                        other()
                    } else {
                        text()
                    };
                    let schemas = value!({ "request_schema": request, "response_schema": nil });
                    (Value::from(*name), schemas)
                })
                .collect();
            Introspection::from_value(value!({ "actions": (Value::Map(actions)) })).unwrap()
        };
        let plain = offer(&["find"]);
        let variants = offer(&["find[switch:5]", "find[DEFAULT]"]);
        // Callers without a switch are answered by the default.
        assert!(check_compatible(&plain, &variants).is_compatible());
        // Callers with the switch are answered by the only variant that is left.
        let report = check_compatible(&variants, &plain);
        let found: Vec<_> = report
            .actions()
            .iter()
            .map(|one| (one.action.as_str(), one.compatibility))
            .collect();
        assert_eq!(
            found,
            [
                ("find[DEFAULT]", Compatibility::Compatible),
                ("find[switch:5]", Compatibility::Breaking)
            ]
        );
        assert!(report.used(["find[DEFAULT]"]).is_compatible());
        // An unknown name is a mistake in the call of `used`.
        let report = check_compatible(&plain, &plain).used(["fnid"]);
        assert!(!report.is_compatible());
        assert!(
            report
                .to_string()
                .contains("fnid\n            the old version has no such action")
        );
    }

    #[test]
    fn what_is_no_answer_of_introspect_is_refused() {
        for (text, problem) in [
            (
                r#"{"actions": {"find": 5}}"#,
                "the entry of `find` is not a map",
            ),
            (
                r#"{"actions": {"find": {"request_schema": 7}}}"#,
                "`request_schema` of `find` is not a map",
            ),
            (r#"{"actions": 7}"#, "it has no map `actions`"),
        ] {
            let error = Introspection::from_json(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("this is not an answer of `introspect`: {problem}")
            );
        }
    }
}
