//! Whether a service may be replaced by another version of itself.
//!
//! A request that the old version takes, the new one has to take; a response that the new version gives, a caller of the
//! old one has to be able to read. Both are one question: does everything that one schema allows fit into another? Keys
//! that are new in a response harm nobody, as callers leave alone what they do not know.

use std::collections::BTreeSet;
use std::fmt;

use super::Introspection;
use super::allow::allows;
use super::shape::{
    LIMITS, allows_extra_keys, at, fields, is_optional, join, kind, limit, list, text,
};
use crate::codec::Value;

/// What a new version means for the callers of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compatibility {
    /// They need not know.
    Compatible,
    /// Some of them will fail.
    Breaking,
    /// It would break them, but there are none: see [`CompatibilityReport::used`].
    Unused,
}

/// One action in the old and the new version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionChange {
    /// The action, as `introspect` calls it.
    pub action: String,
    /// What it means for callers.
    pub compatibility: Compatibility,
    /// Why; empty where it is compatible.
    pub reasons: Vec<String>,
}

/// All actions of the old version, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompatibilityReport(Vec<ActionChange>);

/// Compares two versions of a service, for callers of the old one.
pub fn check_compatible(old: &Introspection, new: &Introspection) -> CompatibilityReport {
    let changes = old.actions.iter().map(|(action, before)| {
        let mut reasons = Vec::new();
        match new.actions.get(action) {
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
    /// The same for callers that use these actions and no others: what breaks another is [`Compatibility::Unused`].
    /// Names are those of `introspect`; `action` stands for all variants of the action.
    #[must_use]
    pub fn used<N: AsRef<str>>(mut self, actions: impl IntoIterator<Item = N>) -> Self {
        let used: BTreeSet<String> = actions
            .into_iter()
            .map(|name| name.as_ref().to_owned())
            .collect();
        for change in &mut self.0 {
            let plain = change.action.split('[').next().unwrap_or_default();
            let is_used = used.contains(&change.action) || used.contains(plain);
            if !is_used && change.compatibility == Compatibility::Breaking {
                change.compatibility = Compatibility::Unused;
            }
        }
        self
    }

    /// Each action of the old version.
    pub fn actions(&self) -> &[ActionChange] {
        &self.0
    }

    /// Whether no caller will fail.
    pub fn is_compatible(&self) -> bool {
        let mut changes = self.0.iter();
        !changes.any(|change| change.compatibility == Compatibility::Breaking)
    }
}

impl fmt::Display for CompatibilityReport {
    /// A line for each action, and one for each reason below it.
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

/// Whether what one schema allows fits into another.
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

    fn say(&mut self, path: &str, what: &str) {
        let side = self.side;
        self.reasons.push(format!("{side}: {} {what}", at(path)));
    }

    /// `from` is what is sent, `into` what is understood; `None` is anything.
    fn bodies(&mut self, from: Option<&Value>, into: Option<&Value>) {
        match (from, into) {
            (_, None) => {}
            (None, Some(_)) => self.say("", "could be anything, and now has a schema"),
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
            ("nullable", _) => self.say(path, "may be nil on one side only"),
            ("constant", _) => {
                let values = list(from, "values").iter();
                let refused: Vec<_> = values.filter(|value| !allows(into, value)).collect();
                if !refused.is_empty() {
                    self.say(
                        path,
                        &format!("may be {refused:?}, which is not understood"),
                    );
                }
            }
            ("any", _) => {
                for option in list(from, "options") {
                    self.fits(option, into, path);
                }
            }
            (_, "any") => {
                let mut options = list(into, "options").iter();
                if !options.any(|option| self.is_fit(from, option)) {
                    self.say(
                        path,
                        &format!("may be of type {sent}, which is none of the options"),
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
                if let Some((from, into)) = both("value_type") {
                    self.fits(from, into, &join(path, "*"));
                } else if into.get("value_type").is_some() {
                    self.say(path, "could have any values, and no longer has");
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
                    self.say(path, "is told apart by another field");
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
                self.say(path, &format!("may be beyond {name} = {now}"));
            }
        }
    }

    fn dictionaries(&mut self, from: &Value, into: &Value, path: &str) {
        for (name, sent) in fields(from, "contents") {
            let place = join(path, name);
            match fields(into, "contents").find(|(other, _)| *other == name) {
                Some((_, read)) => {
                    if is_optional(from, name) && !is_optional(into, name) {
                        self.say(&place, "may be left out, and is needed");
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
