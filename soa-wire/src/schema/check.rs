//! The check of a value against a schema, with Conformity's codes and texts.

use std::cmp::Ordering;

use serde_json::{Number, Value as Json};

use super::node::{Bounds, ExtraKeys, Field, Keys, Lengths, Node, NodeKind, Schema};
use crate::codec::{Decimal, Integer, MAX_DEPTH, Map, Value};
use crate::message::{WireError, code};

/// One error of a value that does not fit its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// `INVALID`, `MISSING` or `UNKNOWN`.
    pub code: &'static str,
    /// Conformity's text.
    pub message: String,
    /// Dotted path of the field; `None` for the value as a whole.
    pub field: Option<String>,
    /// The reason, for those who know more about the value than the schema does.
    #[doc(hidden)]
    pub cause: Cause,
}

/// The reason of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[non_exhaustive]
pub enum Cause {
    /// The value has another shape: a field is missing or unknown, or of another type.
    Shape,
    /// Behind one of serde's buffers, a type takes this for something else: a nil for a field that is absent, bytes for
    /// text, a list for a struct.
    Buffer,
    /// A NaN is in no range.
    NotANumber,
    /// The value breaks a rule: a limit of a number or of a length.
    Rule,
}

impl FieldError {
    /// The size of the path and the text in bytes.
    pub(super) fn size(&self) -> usize {
        self.message.len() + self.field.as_ref().map_or(0, String::len)
    }

    #[doc(hidden)]
    pub fn into_wire(self, is_caller_error: bool) -> WireError {
        let mut error = WireError::caller(self.code, self.message);
        error.field = self.field;
        error.is_caller_error = is_caller_error;
        error
    }
}

impl Schema {
    /// Returns all errors of a value. The list is empty if the value fits.
    ///
    /// The order is Conformity's: fields in the order of the schema, then extra keys.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        self.check_as(value, false)
    }

    /// Returns the errors of a value that a type has accepted. A schema knows less than its type: it has neither the
    /// aliases of fields nor their own decoders unless it is told. So an alternative that has the wrong shape is one that
    /// the type did not take, and the caller has to judge by the cause which of the errors are true.
    #[doc(hidden)]
    pub fn check_accepted(&self, value: &Value) -> Vec<FieldError> {
        self.check_as(value, true)
    }

    fn check_as(&self, value: &Value, is_accepted: bool) -> Vec<FieldError> {
        let mut checker = Checker::new(self, 0);
        checker.is_accepted = is_accepted;
        checker.node(&self.root, value);
        checker.errors
    }

    /// Returns true if a value fits a node, and adds the steps of the check to those of the caller.
    #[doc(hidden)]
    pub fn fits(&self, node: &Node, value: &Value, steps: &mut usize) -> bool {
        let mut checker = Checker::new(self, *steps);
        checker.node(node, value);
        *steps = checker.steps;
        checker.found == 0
    }

    /// Returns the first error of a value that does not fit a node.
    pub(crate) fn problem(&self, node: &Node, value: &Value) -> Option<String> {
        let mut checker = Checker::new(self, 0);
        checker.node(node, value);
        checker.errors.into_iter().next().map(|error| error.message)
    }

    /// Follows references to the node that they stand for. Returns `None` if references lead to references only.
    #[doc(hidden)]
    pub fn resolve<'a>(&'a self, mut node: &'a Node) -> Option<&'a Node> {
        for _ in 0..MAX_HOPS {
            match &node.kind {
                NodeKind::Reference(name) => node = self.definitions.get(name)?,
                _ => return Some(node),
            }
        }
        None
    }
}

/// The greatest number of references to references that are followed. The names of types in Rust lead to their definitions
/// in one or two steps; a peer's description may lead in circles.
pub(super) const MAX_HOPS: usize = 16;

/// The greatest number of reported errors. A hostile body could otherwise cause an answer many times its own size.
#[doc(hidden)]
pub const MAX_ERRORS: usize = 1000;

/// The size of the paths and texts of errors, in bytes, from which no more are reported. Each path repeats the keys above
/// it, which are chosen by the caller.
#[doc(hidden)]
pub const MAX_ERROR_BYTES: usize = 256 * 1024;

/// The greatest number of steps of a check. For a type that is an alternative of itself twice, the number would grow
/// exponentially with the depth of the value.
pub const MAX_STEPS: usize = 250_000;

/// The greatest depth of a check. Each level of a value takes at most four (nullable, alternatives, tagged, the type
/// itself). A type that is an alternative of itself would take them without end.
pub const MAX_LEVELS: usize = 4 * MAX_DEPTH;

/// The message for a NaN where there are limits.
pub(crate) const NOT_A_NUMBER: &str = "Value is not a number";

pub(super) struct Checker<'a> {
    schema: &'a Schema,
    /// True if the value is known to have the shape of its type.
    pub(super) is_accepted: bool,
    pub(super) path: Vec<String>,
    pub(super) errors: Vec<FieldError>,
    /// Number of errors, also of those beyond the limits.
    pub(super) found: usize,
    /// Bytes of the reported errors.
    pub(super) error_bytes: usize,
    levels: usize,
    steps: usize,
}

impl<'a> Checker<'a> {
    fn new(schema: &'a Schema, steps: usize) -> Self {
        Self {
            schema,
            is_accepted: false,
            path: Vec::new(),
            errors: Vec::new(),
            found: 0,
            error_bytes: 0,
            levels: 0,
            steps,
        }
    }

    pub(super) fn push(&mut self, cause: Cause, code: &'static str, message: impl Into<String>) {
        self.found += 1;
        // Of an accepted value, errors about its shape are not told, so they must not use up the room of those that are.
        let room = if self.is_accepted && cause != Cause::Shape {
            2
        } else {
            1
        };
        if self.errors.len() >= room * MAX_ERRORS || self.error_bytes >= room * MAX_ERROR_BYTES {
            return;
        }
        let error = FieldError {
            code,
            message: message.into(),
            field: (!self.path.is_empty()).then(|| self.path.join(".")),
            cause,
        };
        self.error_bytes += error.size();
        self.errors.push(error);
    }

    /// Reports a value of the wrong type.
    fn invalid(&mut self, message: impl Into<String>) {
        self.push(Cause::Shape, code::INVALID, message);
    }

    /// Reports a value that breaks a rule.
    fn broken(&mut self, message: impl Into<String>) {
        self.push(Cause::Rule, code::INVALID, message);
    }

    fn below(&mut self, step: impl ToString, node: &'a Node, value: &Value) {
        self.path.push(step.to_string());
        self.node(node, value);
        self.path.pop();
    }

    pub(super) fn node(&mut self, node: &'a Node, value: &Value) {
        if self.levels < MAX_LEVELS && self.steps < MAX_STEPS {
            self.steps += 1;
            self.levels += 1;
            self.kind(node, value);
            self.levels -= 1;
        } else {
            // A value that was not checked must not pass.
            self.invalid("Too large or too deep to be checked");
        }
    }

    fn kind(&mut self, node: &'a Node, value: &Value) {
        let Some(node) = self.schema.resolve(node) else {
            return;
        };
        if node.has_decoder {
            return;
        }
        match (&node.kind, value) {
            (NodeKind::Anything | NodeKind::Reference(_), _)
            | (NodeKind::Nil | NodeKind::Nullable(_), Value::Nil)
            | (NodeKind::Boolean, Value::Bool(_))
            | (
                NodeKind::DateTime {
                    utc: None | Some(false),
                },
                Value::DateTime(_),
            )
            | (
                NodeKind::DateTime {
                    utc: None | Some(true),
                },
                Value::UtcDateTime(_),
            )
            | (NodeKind::Date, Value::Date(_))
            | (NodeKind::Time, Value::Time(_))
            | (NodeKind::Amount, Value::Amount(_)) => {}
            (NodeKind::Integer { bounds, range }, Value::Integer(integer)) => {
                self.integer(bounds, *range, integer);
            }
            (NodeKind::Decimal(bounds), Value::Decimal(decimal)) => {
                self.decimal(bounds, decimal);
            }
            (NodeKind::Float(bounds), Value::Float(_) | Value::Integer(_)) => {
                if let Some(float) = value.as_f64() {
                    self.float(bounds, float);
                }
            }
            (NodeKind::Text { lengths, .. }, Value::Text(text)) => {
                self.text(*lengths, text.chars().count());
            }
            (NodeKind::Bytes(lengths), Value::Bytes(bytes)) => self.text(*lengths, bytes.len()),
            (NodeKind::List { contents, lengths }, Value::List(items)) => {
                self.list(contents, *lengths, items);
            }
            (NodeKind::Tuple(places), Value::List(items)) => {
                if items.len() != places.len() {
                    self.invalid(format!(
                        "Number of elements {} does not match expected {}",
                        items.len(),
                        places.len()
                    ));
                }
                for (index, (place, item)) in places.iter().zip(items).enumerate() {
                    self.below(index, place, item);
                }
            }
            (NodeKind::Nullable(inner), value) => self.node(inner, value),
            (NodeKind::Dictionary { fields, extra }, Value::Map(map)) => {
                self.dictionary(fields, extra, map)
            }
            (
                NodeKind::Entries {
                    values,
                    lengths,
                    keys,
                },
                Value::Map(map),
            ) => {
                self.entries(values, *lengths, keys, map);
            }
            (NodeKind::Constant(_), Value::Text(text))
                if node.takes_others || node.aliases.contains(text) => {}
            (NodeKind::Constant(constants), value) => self.constant(constants, value),
            (NodeKind::Any(options), value) if node.is_sum && !self.is_accepted => {
                self.nearest(options, value);
            }
            (NodeKind::Any(options), value) => self.any(options, value),
            (NodeKind::Tagged { field, options }, Value::Map(map)) => {
                self.tagged(field, options, map, value);
            }
            (kind @ NodeKind::Text { .. }, Value::Bytes(_))
            | (kind @ NodeKind::Dictionary { .. }, Value::List(_)) => {
                self.push(Cause::Buffer, code::INVALID, wrong_type(kind));
            }
            (kind, _) => self.invalid(wrong_type(kind)),
        }
    }

    fn integer(&mut self, bounds: &Bounds, range: Option<(i128, i128)>, integer: &Integer) {
        let before = self.found;
        self.bounds(bounds, |limit| compare(integer, limit));
        let Some((min, max)) = range else {
            return;
        };
        let (is_low, is_high) = (*integer < Integer::from(min), *integer > Integer::from(max));
        if self.found > before {
            // The limits of a rule are told rather than those of the type, which does not take the value either.
            let broken = self.errors.iter_mut().rev().take(self.found - before);
            broken
                .filter(|_| is_low || is_high)
                .for_each(|error| error.cause = Cause::Shape);
        } else if is_low {
            self.invalid(format!("Value not >= {min}"));
        } else if is_high {
            self.invalid(format!("Value not <= {max}"));
        }
    }

    /// Checks a float. A NaN has no order, so it is within no limit; the reference lets it pass.
    fn float(&mut self, bounds: &Bounds, float: f64) {
        if *bounds != Bounds::default() && float.is_nan() {
            self.push(Cause::NotANumber, code::INVALID, NOT_A_NUMBER);
        } else {
            self.bounds(bounds, |limit| float.partial_cmp(&limit.as_f64()?));
        }
    }

    fn decimal(&mut self, bounds: &Bounds, decimal: &Decimal) {
        if *bounds != Bounds::default() && decimal.is_nan() {
            self.push(Cause::NotANumber, code::INVALID, NOT_A_NUMBER);
        } else {
            self.bounds(bounds, |limit| decimal.cmp_number(limit));
        }
    }

    fn bounds(&mut self, bounds: &Bounds, compare: impl Fn(&Number) -> Option<Ordering>) {
        let ordering = |limit: &Option<Number>| limit.as_ref().and_then(&compare);
        let checks = [
            (
                &bounds.gt,
                ">",
                ordering(&bounds.gt).is_some_and(|o| o.is_le()),
            ),
            (
                &bounds.lt,
                "<",
                ordering(&bounds.lt).is_some_and(|o| o.is_ge()),
            ),
            (
                &bounds.gte,
                ">=",
                ordering(&bounds.gte).is_some_and(|o| o.is_lt()),
            ),
            (
                &bounds.lte,
                "<=",
                ordering(&bounds.lte).is_some_and(|o| o.is_gt()),
            ),
        ];
        for (limit, sign, is_broken) in checks {
            if let (Some(limit), true) = (limit, is_broken) {
                self.broken(format!("Value not {sign} {limit}"));
            }
        }
    }

    fn text(&mut self, lengths: Lengths, length: usize) {
        let length = length as u64;
        if let Some(min) = lengths.min.filter(|min| length < *min) {
            self.broken(format!("String must have a length of at least {min}"));
        } else if let Some(max) = lengths.max.filter(|max| length > *max) {
            self.broken(format!("String must have a length no more than {max}"));
        }
    }

    fn list(&mut self, contents: &'a Node, lengths: Lengths, items: &[Value]) {
        let length = items.len() as u64;
        if let Some(max) = lengths.max.filter(|max| length > *max) {
            self.broken(format!("List is longer than {max}"));
        } else if let Some(min) = lengths.min.filter(|min| length < *min) {
            self.broken(format!("List is shorter than {min}"));
        }
        for (index, item) in items.iter().enumerate() {
            self.below(index, contents, item);
        }
    }

    fn dictionary(&mut self, fields: &'a [Field], extra: &'a ExtraKeys, map: &Map) {
        for field in fields {
            self.repeated(field, map);
            match field.sent_in(map) {
                // Only its own decoder knows what it takes.
                Some(_) if field.node.has_decoder => {}
                Some((name, Value::Nil)) if !field.required => self.nil(name, &field.node),
                Some((name, value)) => self.below(name, &field.node, value),
                None if field.required => {
                    self.path.push(field.name.clone());
                    let message = format!("Missing key: {}", field.name);
                    self.push(Cause::Shape, code::MISSING, message);
                    self.path.pop();
                }
                None => {}
            }
        }
        let is_known = |key: &Value| {
            key.as_str()
                .is_some_and(|key| fields.iter().any(|field| field.is_named(key)))
        };
        let unknown = map.iter().filter(|(key, _)| !is_known(key));
        match extra {
            ExtraKeys::Allowed => {}
            ExtraKeys::Taken { values, keys } => {
                for (key, value) in unknown {
                    self.entry(values, keys, key, value);
                }
            }
            ExtraKeys::Refused => {
                if let Some(message) = extra_keys(unknown.map(|(key, _)| key)) {
                    self.push(Cause::Shape, code::UNKNOWN, message);
                }
            }
        }
    }

    /// Reports the names of a field that stand for another one which was sent, too.
    fn repeated(&mut self, field: &Field, map: &Map) {
        if field.aliases.is_empty() {
            return;
        }
        let names = std::iter::once(&field.name).chain(&field.aliases);
        let mut sent = names.filter(|name| map.get(name).is_some());
        let Some(first) = sent.next() else {
            return;
        };
        for name in sent {
            self.path.push(name.clone());
            self.invalid(format!("The same field as {first}"));
            self.path.pop();
        }
    }

    /// Checks a nil in the place of a field that may be absent.
    fn nil(&mut self, name: &str, node: &'a Node) {
        let before = self.errors.len();
        // Behind serde's buffers, every type takes it as `None`, so that it is taken says nothing about alternatives.
        let is_accepted = std::mem::replace(&mut self.is_accepted, false);
        self.below(name, node, &Value::Nil);
        self.is_accepted = is_accepted;
        for error in self.errors.iter_mut().skip(before) {
            error.cause = Cause::Buffer;
        }
    }

    fn entries(&mut self, values: &'a Node, lengths: Lengths, keys: &Keys, map: &Map) {
        let length = map.len() as u64;
        if let Some(max) = lengths.max.filter(|max| length > *max) {
            self.broken(format!("Dict contains more than {max} value(s)"));
        } else if let Some(min) = lengths.min.filter(|min| length < *min) {
            self.broken(format!("Dict contains fewer than {min} value(s)"));
        }
        for (key, value) in map.iter() {
            self.entry(values, keys, key, value);
        }
    }

    fn entry(&mut self, values: &'a Node, keys: &Keys, key: &Value, value: &Value) {
        self.path.push(key_text(key));
        match (keys, key) {
            (Keys::Text, Value::Text(_)) | (Keys::Integer | Keys::Natural, Value::Integer(_)) => {}
            // In JSON, every key is text.
            (Keys::Integer | Keys::Natural, Value::Text(text))
                if text.parse::<Integer>().is_ok() => {}
            (Keys::Text, _) => self.invalid("Not a unicode string"),
            (Keys::Integer | Keys::Natural, _) => self.invalid("Not an integer"),
            (Keys::Any | Keys::Other(_), _) => {}
        }
        self.node(values, value);
        self.path.pop();
    }

    fn constant(&mut self, constants: &[Json], value: &Value) {
        let matches = |constant: &Json| match (constant, value) {
            (Json::Null, Value::Nil) => true,
            (Json::Bool(constant), Value::Bool(value)) => constant == value,
            (Json::String(constant), Value::Text(value)) => constant == value,
            (Json::Number(constant), Value::Integer(integer)) => {
                compare(integer, constant).is_some_and(Ordering::is_eq)
            }
            (Json::Number(constant), Value::Float(value)) => constant.as_f64() == Some(*value),
            _ => false,
        };
        if constants.iter().any(matches) {
            return;
        }
        let mut known: Vec<String> = constants
            .iter()
            .map(|constant| match constant {
                Json::String(text) => format!("\"{text}\""),
                Json::Bool(true) => "True".to_owned(),
                Json::Bool(false) => "False".to_owned(),
                Json::Null => "None".to_owned(),
                other => other.to_string(),
            })
            .collect();
        known.sort();
        let message = match known.as_slice() {
            [only] => format!("Value is not {only}"),
            _ => format!("Value is not one of: {}", known.join(", ")),
        };
        self.push(Cause::Shape, code::UNKNOWN, message);
    }
}

/// Compares an integer of any size with a limit: exactly, if the limit is an integer.
fn compare(integer: &Integer, limit: &Number) -> Option<Ordering> {
    match limit.as_i128() {
        Some(whole) => Some(integer.cmp(&Integer::from(whole))),
        None => integer.to_f64().partial_cmp(&limit.as_f64()?),
    }
}

/// Returns the message `Extra keys present: a, b`, with sorted keys; `None` if there are none.
pub(crate) fn extra_keys<'a>(keys: impl Iterator<Item = &'a Value>) -> Option<String> {
    let mut keys: Vec<String> = keys.map(key_text).collect();
    if keys.is_empty() {
        return None;
    }
    keys.sort();
    keys.dedup();
    Some(format!("Extra keys present: {}", keys.join(", ")))
}

/// Returns a key as text, for paths and messages.
#[doc(hidden)]
pub fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        Value::Integer(integer) => integer.to_string(),
        other => format!("<{}>", other.kind_name()),
    }
}

fn wrong_type(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Nil => "Value is not null",
        NodeKind::Boolean => "Not a boolean",
        NodeKind::Integer { .. } => "Not an integer",
        NodeKind::Float(_) => "Not a float",
        NodeKind::Text { .. } => "Not a unicode string",
        NodeKind::Bytes(_) => "Not a byte string",
        NodeKind::DateTime { .. } => "Not a datetime.datetime instance",
        NodeKind::Date => "Not a datetime.date instance",
        NodeKind::Time => "Not a datetime.time instance",
        NodeKind::Decimal(_) => "Not a decimal",
        NodeKind::Amount => "Not a currint.Amount instance",
        NodeKind::List { .. } | NodeKind::Tuple(_) => "Not a list",
        _ => "Not a dict",
    }
}
