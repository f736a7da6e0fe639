//! Every error of a value against a schema, in the reference's codes and texts.

use serde_json::{Number, Value as Json};

use super::{Bounds, Field, Keys, Kind, Lengths, Node, Schema};
use crate::codec::{Integer, Map, Value};
use crate::message::{WireError, code};

/// One way in which a value is not what its schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// `INVALID`, `MISSING` or `UNKNOWN`.
    pub code: &'static str,
    /// The reference's text.
    pub message: String,
    /// The dotted path; `None` for the value as a whole.
    pub field: Option<String>,
}

impl FieldError {
    #[doc(hidden)]
    pub fn into_wire(self, is_caller_error: bool) -> WireError {
        let mut error = WireError::caller(self.code, self.message);
        error.field = self.field;
        error.is_caller_error = is_caller_error;
        error
    }
}

impl Schema {
    /// Every error of a value; none means that it fits.
    ///
    /// Order is the reference's: the fields in the schema's order, then the keys that are too many.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        let mut checker = Checker {
            schema: self,
            path: Vec::new(),
            errors: Vec::new(),
            found: 0,
            told: 0,
            levels: 0,
            steps: 0,
        };
        checker.node(&self.root, value);
        checker.errors
    }
}

/// Nobody reads more; a hostile body could otherwise make an answer many times its own size.
#[doc(hidden)]
pub const MAX_ERRORS: usize = 1000;

/// The same in bytes, of paths and texts: each error repeats the keys above it, which are the caller's choice.
/// One error is told however long it is.
const MAX_TOLD: usize = 256 * 1024;

/// How many steps a check takes at the most. A type that is an alternative of itself, twice, would take a number
/// of them that is exponential in the depth of the value.
const MAX_STEPS: usize = 250_000;

struct Checker<'a> {
    schema: &'a Schema,
    path: Vec<String>,
    errors: Vec<FieldError>,
    /// How many errors there are, also those that are not told any more.
    found: usize,
    /// The bytes of the errors that are told.
    told: usize,
    levels: usize,
    steps: usize,
}

/// How deep a check goes. Each level of a value takes at most four (nullable, alternatives, tagged, the type
/// itself); a type that is an alternative of itself would take them for ever.
const MAX_LEVELS: usize = 4 * crate::codec::MAX_DEPTH;

impl<'a> Checker<'a> {
    fn push(&mut self, code: &'static str, message: impl Into<String>) {
        self.found += 1;
        if self.errors.len() >= MAX_ERRORS || self.told >= MAX_TOLD {
            return;
        }
        let error = FieldError {
            code,
            message: message.into(),
            field: (!self.path.is_empty()).then(|| self.path.join(".")),
        };
        self.told += error.message.len() + error.field.as_ref().map_or(0, String::len);
        self.errors.push(error);
    }

    fn invalid(&mut self, message: impl Into<String>) {
        self.push(code::INVALID, message);
    }

    fn below(&mut self, step: impl ToString, node: &'a Node, value: &Value) {
        self.path.push(step.to_string());
        self.node(node, value);
        self.path.pop();
    }

    fn node(&mut self, node: &'a Node, value: &Value) {
        if self.levels < MAX_LEVELS && self.steps < MAX_STEPS {
            self.steps += 1;
            self.levels += 1;
            self.kind(node, value);
            self.levels -= 1;
        } else {
            // What was not checked must not pass for checked.
            self.invalid("Too much of it to be checked");
        }
    }

    fn kind(&mut self, node: &'a Node, value: &Value) {
        let Some(node) = self.resolve(node) else {
            return;
        };
        match (&node.kind, value) {
            (Kind::Anything | Kind::Reference(_), _)
            | (Kind::Nil | Kind::Nullable(_), Value::Nil)
            | (Kind::Boolean, Value::Bool(_))
            | (
                Kind::DateTime {
                    utc: None | Some(false),
                },
                Value::DateTime(_),
            )
            | (
                Kind::DateTime {
                    utc: None | Some(true),
                },
                Value::UtcDateTime(_),
            )
            | (Kind::Date, Value::Date(_))
            | (Kind::Time, Value::Time(_))
            | (Kind::Decimal, Value::Decimal(_))
            | (Kind::Amount, Value::Amount(_)) => {}
            (Kind::Integer { bounds, range }, Value::Integer(integer)) => {
                self.integer(bounds, *range, integer);
            }
            (Kind::Float(bounds), Value::Float(_) | Value::Integer(_)) => {
                if let Some(float) = value.as_f64() {
                    self.bounds(bounds, |limit| float.partial_cmp(&limit.as_f64()?));
                }
            }
            (Kind::Text { lengths, .. }, Value::Text(text)) => {
                self.text(*lengths, text.chars().count());
            }
            (Kind::Bytes(lengths), Value::Bytes(bytes)) => self.text(*lengths, bytes.len()),
            (Kind::List { contents, lengths }, Value::List(items)) => {
                self.list(contents, *lengths, items);
            }
            (Kind::Tuple(places), Value::List(items)) => {
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
            (Kind::Nullable(inner), value) => self.node(inner, value),
            (
                Kind::Dictionary {
                    fields,
                    allow_extra_keys,
                },
                Value::Map(map),
            ) => self.dictionary(fields, *allow_extra_keys, map),
            (
                Kind::Entries {
                    values,
                    lengths,
                    keys,
                },
                Value::Map(map),
            ) => {
                self.entries(values, *lengths, *keys, map);
            }
            (Kind::Constant(constants), value) => self.constant(constants, value),
            (Kind::Any(options), value) => self.any(options, value),
            (Kind::Tagged { field, options }, Value::Map(map)) => {
                self.tagged(field, options, map, value);
            }
            (kind, _) => self.invalid(wrong_type(kind)),
        }
    }

    /// The node that a reference stands for; nothing where it stands for nothing but references.
    fn resolve(&self, mut node: &'a Node) -> Option<&'a Node> {
        for _ in 0..=self.schema.definitions.len() {
            match &node.kind {
                Kind::Reference(name) => node = self.schema.definitions.get(name)?,
                _ => return Some(node),
            }
        }
        None
    }

    fn integer(&mut self, bounds: &Bounds, range: Option<(i128, i128)>, integer: &Integer) {
        let before = self.found;
        self.bounds(bounds, |limit| compare(integer, limit));
        if self.found > before {
            return;
        }
        if let Some((min, max)) = range {
            if *integer < Integer::from(min) {
                self.invalid(format!("Value not >= {min}"));
            } else if *integer > Integer::from(max) {
                self.invalid(format!("Value not <= {max}"));
            }
        }
    }

    fn bounds(&mut self, bounds: &Bounds, compare: impl Fn(&Number) -> Option<std::cmp::Ordering>) {
        // A NaN compares with nothing and so passes, as it does in Python.
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
                self.invalid(format!("Value not {sign} {limit}"));
            }
        }
    }

    fn text(&mut self, lengths: Lengths, length: usize) {
        let length = length as u64;
        if let Some(min) = lengths.min.filter(|min| length < *min) {
            self.invalid(format!("String must have a length of at least {min}"));
        } else if let Some(max) = lengths.max.filter(|max| length > *max) {
            self.invalid(format!("String must have a length no more than {max}"));
        }
    }

    fn list(&mut self, contents: &'a Node, lengths: Lengths, items: &[Value]) {
        let length = items.len() as u64;
        if let Some(max) = lengths.max.filter(|max| length > *max) {
            self.invalid(format!("List is longer than {max}"));
        } else if let Some(min) = lengths.min.filter(|min| length < *min) {
            self.invalid(format!("List is shorter than {min}"));
        }
        for (index, item) in items.iter().enumerate() {
            self.below(index, contents, item);
        }
    }

    fn dictionary(&mut self, fields: &'a [Field], allow_extra_keys: bool, map: &Map) {
        for field in fields {
            match map.get(&field.name) {
                Some(value) => self.below(&field.name, &field.node, value),
                None if field.required => {
                    self.path.push(field.name.clone());
                    self.push(code::MISSING, format!("Missing key: {}", field.name));
                    self.path.pop();
                }
                None => {}
            }
        }
        if allow_extra_keys {
            return;
        }
        let is_known = |key: &Value| fields.iter().any(|field| key.as_str() == Some(&field.name));
        let extra = map.iter().map(|(key, _)| key).filter(|key| !is_known(key));
        if let Some(message) = extra_keys(extra) {
            self.push(code::UNKNOWN, message);
        }
    }

    fn entries(&mut self, values: &'a Node, lengths: Lengths, keys: Keys, map: &Map) {
        let length = map.len() as u64;
        if let Some(max) = lengths.max.filter(|max| length > *max) {
            self.invalid(format!("Dict contains more than {max} value(s)"));
        } else if let Some(min) = lengths.min.filter(|min| length < *min) {
            self.invalid(format!("Dict contains fewer than {min} value(s)"));
        }
        for (key, value) in map.iter() {
            if keys == Keys::Text && key.as_str().is_none() {
                self.path.push(key_text(key));
                self.invalid("Not a unicode string");
                self.path.pop();
            }
            self.below(key_text(key), values, value);
        }
    }

    fn constant(&mut self, constants: &[Json], value: &Value) {
        let matches = |constant: &Json| match (constant, value) {
            (Json::Null, Value::Nil) => true,
            (Json::Bool(constant), Value::Bool(value)) => constant == value,
            (Json::String(constant), Value::Text(value)) => constant == value,
            (Json::Number(constant), Value::Integer(integer)) => {
                compare(integer, constant).is_some_and(std::cmp::Ordering::is_eq)
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
        self.push(code::UNKNOWN, message);
    }

    /// The errors of all options where none fits, as the reference reports them.
    fn any(&mut self, options: &'a [Node], value: &Value) {
        let before = self.errors.len();
        let (found, told) = (self.found, self.told);
        for option in options {
            let tried = self.found;
            self.node(option, value);
            if self.found == tried {
                self.errors.truncate(before);
                (self.found, self.told) = (found, told);
                return;
            }
        }
        // Options of one type (text or a constant, say) would otherwise say the same thing twice.
        let mut seen = Vec::new();
        for error in self.errors.split_off(before) {
            if !seen.contains(&error) {
                seen.push(error);
            }
        }
        self.errors.append(&mut seen);
    }

    fn tagged(&mut self, field: &str, options: &'a [(String, Node)], map: &Map, value: &Value) {
        let Some(tag) = map.get(field) else {
            self.path.push(field.to_owned());
            self.push(code::MISSING, format!("Missing key: {field}"));
            self.path.pop();
            return;
        };
        let option = options
            .iter()
            .find(|(name, _)| tag.as_str() == Some(name.as_str()));
        match option {
            Some((_, option)) => self.node(option, value),
            None => self.push(
                code::UNKNOWN,
                format!("Invalid switch value '{}'", key_text(tag)),
            ),
        }
    }
}

/// An integer of any size against a limit, exactly where both are whole.
fn compare(integer: &Integer, limit: &Number) -> Option<std::cmp::Ordering> {
    match limit.as_i128() {
        Some(whole) => Some(integer.cmp(&Integer::from(whole))),
        None => integer.to_f64().partial_cmp(&limit.as_f64()?),
    }
}

/// `Extra keys present: a, b`, sorted; nothing where there are none.
pub(crate) fn extra_keys<'a>(keys: impl Iterator<Item = &'a Value>) -> Option<String> {
    let mut keys: Vec<String> = keys.map(key_text).collect();
    if keys.is_empty() {
        return None;
    }
    keys.sort();
    keys.dedup();
    Some(format!("Extra keys present: {}", keys.join(", ")))
}

/// A key as text, for paths and messages.
#[doc(hidden)]
pub fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        Value::Integer(integer) => integer.to_string(),
        other => format!("<{}>", other.kind_name()),
    }
}

fn wrong_type(kind: &Kind) -> &'static str {
    match kind {
        Kind::Nil => "Value is not null",
        Kind::Boolean => "Not a boolean",
        Kind::Integer { .. } => "Not an integer",
        Kind::Float(_) => "Not a float",
        Kind::Text { .. } => "Not a unicode string",
        Kind::Bytes(_) => "Not a byte string",
        Kind::DateTime { .. } => "Not a datetime.datetime instance",
        Kind::Date => "Not a datetime.date instance",
        Kind::Time => "Not a datetime.time instance",
        Kind::Decimal => "Not a decimal",
        Kind::Amount => "Not a currint.Amount instance",
        Kind::List { .. } | Kind::Tuple(_) => "Not a list",
        _ => "Not a dict",
    }
}
