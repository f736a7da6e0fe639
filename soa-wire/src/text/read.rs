//! The reader: plain data to a value, by a schema.
//!
//! It walks the data and the schema together, and replaces each text whose type is another one. What does not fit the schema
//! in a way that JSON itself can express, such as a number in place of a list, is left as it is, for the check of the value.
//! Recursion and the number of steps are limited as in that check.

use std::borrow::Cow;

use crate::codec::{Amount, Blob, Date, DateTime, Decimal, Integer, Map, Time, UtcDateTime, Value};
use crate::message::code;
use crate::schema::{
    Cause, ExtraKeys, Field, FieldError, Keys, MAX_ERRORS, MAX_LEVELS, MAX_STEPS, Node, NodeKind,
    Schema, key_text, option_of,
};

/// The greatest number of digits of an integer that is written with an exponent. A number in full may have any number.
const MAX_DIGITS: usize = 400;

/// The number of digits that every float keeps.
const FLOAT_DIGITS: usize = 15;

/// The forms that plain data may have. Protocols differ in what they take for a number, for a truth and for absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// True if a number may be text.
    pub takes_numbers_as_text: bool,
    /// True if a boolean may be one of the words and numbers that stand for it: `yes`, `off`, `1`, ….
    pub takes_words_as_booleans: bool,
    /// True if the text of an integer may have a fraction of zero: `7.0`.
    pub takes_zero_fractions: bool,
    /// True if a null is the absence of an optional field.
    pub null_is_absent: bool,
    /// True if integers have up to 64 bits, as those of MessagePack have. Otherwise they have any size.
    pub has_64_bits: bool,
}

impl Reading {
    /// JSON of people.
    pub const PEOPLE: Self = Self {
        takes_numbers_as_text: true,
        takes_words_as_booleans: false,
        takes_zero_fractions: false,
        null_is_absent: false,
        has_64_bits: false,
    };

    /// The arguments of a remote method, whose types are what they are.
    pub const ARGUMENTS: Self = Self {
        takes_numbers_as_text: false,
        takes_words_as_booleans: false,
        takes_zero_fractions: false,
        null_is_absent: true,
        has_64_bits: true,
    };

    /// Parameters and bodies of HTTP.
    pub const WEB: Self = Self {
        takes_numbers_as_text: true,
        takes_words_as_booleans: true,
        takes_zero_fractions: true,
        null_is_absent: true,
        has_64_bits: true,
    };
}

/// Reads plain data by a schema. Returns the value as far as it could be read, and all errors.
pub(super) fn by_schema(
    schema: &Schema,
    value: Value,
    is_exact: bool,
    reading: Reading,
) -> (Value, Vec<FieldError>) {
    Reader::new(schema, is_exact, reading).read(value)
}

/// Reads what the schema does not take as it is, and leaves what cannot be read.
pub(super) fn misfits(schema: &Schema, value: Value) -> Value {
    let mut reader = Reader::new(schema, false, Reading::PEOPLE);
    reader.keeps_fitting = true;
    reader.read(value).0
}

/// True for a value that stays as it is, whatever is asked of it: most values are such.
fn is_plainly(node: &Node, value: &Value) -> bool {
    !node.has_decoder
        && match (&node.kind, value) {
            (NodeKind::Boolean, Value::Bool(_)) | (NodeKind::Text { .. }, Value::Text(_)) => true,
            (NodeKind::Integer { .. }, Value::Integer(integer)) => integer.big_text().is_none(),
            _ => false,
        }
}

/// Turns numbers with all their digits into floats.
pub(super) fn inexact(value: Value) -> Value {
    match value {
        Value::Decimal(number) => number.to_f64().into(),
        Value::List(list) => list.into_iter().map(inexact).collect(),
        Value::Map(map) => {
            let pairs = map.into_iter();
            Value::Map(pairs.map(|(key, value)| (key, inexact(value))).collect())
        }
        value => value,
    }
}

/// A step of the way to a value. It becomes text only for an error.
enum Step<'a> {
    Name(Cow<'a, str>),
    Index(usize),
}

fn dotted(path: &[Step<'_>]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Name(name) => Cow::Borrowed(&**name),
        Step::Index(index) => index.to_string().into(),
    });
    steps.collect::<Vec<_>>().join(".")
}

struct Reader<'a> {
    schema: &'a Schema,
    /// True if decimals are numbers of JSON.
    is_exact: bool,
    /// Among alternatives, the type that JSON itself says is tried first, and numbers as text only then.
    reading: Reading,
    /// True if a value that one of several alternatives takes as it is stays so.
    keeps_fitting: bool,
    path: Vec<Step<'a>>,
    errors: Vec<FieldError>,
    levels: usize,
    steps: usize,
}

impl<'a> Reader<'a> {
    fn new(schema: &'a Schema, is_exact: bool, reading: Reading) -> Self {
        Self {
            schema,
            is_exact,
            reading,
            keeps_fitting: false,
            path: Vec::new(),
            errors: Vec::new(),
            levels: 0,
            steps: 0,
        }
    }

    fn read(mut self, value: Value) -> (Value, Vec<FieldError>) {
        let value = self.node(&self.schema.root, value);
        (value, self.errors)
    }

    fn error(&mut self, message: String) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError {
                cause: Cause::Shape,
                code: code::INVALID,
                message,
                field: (!self.path.is_empty()).then(|| dotted(&self.path)),
            });
        }
    }

    fn refuse(&mut self, expected: &str, found: &Value) {
        self.error(format!("expected {expected}, found {}", shown(found)));
    }

    fn below(&mut self, step: Step<'a>, node: &'a Node, value: Value) -> Value {
        if is_plainly(node, &value) {
            return value;
        }
        self.path.push(step);
        let value = self.node(node, value);
        self.path.pop();
        value
    }

    /// Leaves a value to the check.
    fn leave(&mut self, value: Value) -> Value {
        if self.reading.has_64_bits && has_wide(&value) {
            self.refuse_wide(&value);
        }
        match self.is_exact {
            true => inexact(value),
            false => value,
        }
    }

    /// Reports all integers within a value that have more than 64 bits.
    fn refuse_wide(&mut self, value: &Value) {
        match value {
            Value::Integer(integer) if integer.big_text().is_some() => {
                self.error(not_of_64_bits(integer));
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.refuse_wide(item);
                    self.path.pop();
                }
            }
            Value::Map(map) => {
                for (key, value) in map.iter() {
                    self.path.push(Step::Name(key_text(key).into()));
                    self.refuse_wide(value);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn is_exhausted(&self) -> bool {
        self.levels >= MAX_LEVELS || self.steps >= MAX_STEPS
    }

    fn node(&mut self, node: &'a Node, value: Value) -> Value {
        if self.is_exhausted() {
            self.error("too large or too deep to be read".to_owned());
            return self.leave(value);
        }
        self.steps += 1;
        self.levels += 1;
        let has_decoder = node.has_decoder;
        let errors = self.errors.len();
        let value = match self.schema.resolve(node) {
            // Only its own decoder knows what it takes.
            Some(node) if !has_decoder && !node.has_decoder => self.kind(&node.kind, value),
            _ => self.leave(value),
        };
        if self.reading.has_64_bits
            && let Value::Integer(integer) = &value
            && integer.big_text().is_some()
        {
            // The limits of the type are told rather than those of all integers.
            self.errors.truncate(errors);
            let problem = self.schema.problem(node, &value);
            self.error(problem.unwrap_or_else(|| not_of_64_bits(integer)));
        }
        self.levels -= 1;
        value
    }

    fn kind(&mut self, kind: &'a NodeKind, value: Value) -> Value {
        match (kind, value) {
            (NodeKind::Nullable(_), Value::Nil) => Value::Nil,
            (NodeKind::Nullable(inner), value) => self.node(inner, value),
            (NodeKind::Integer { .. }, value) => self.integer(value),
            (NodeKind::Float(_), value) => self.float(value),
            (NodeKind::Boolean, value) => self.boolean(value),
            (NodeKind::List { contents, .. }, Value::List(items)) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(index, item)| self.below(Step::Index(index), contents, item))
                    .collect()
            }
            (NodeKind::Tuple(places), Value::List(items)) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(index, item)| match places.get(index) {
                        Some(place) => self.below(Step::Index(index), place, item),
                        None => self.leave(item),
                    })
                    .collect()
            }
            (NodeKind::Dictionary { fields, extra }, Value::Map(map)) => {
                self.dictionary(fields, extra, map)
            }
            (NodeKind::Entries { values, keys, .. }, Value::Map(map)) => {
                self.entries(values, keys, map)
            }
            (NodeKind::Tagged { field, options }, Value::Map(map)) => {
                let option = map
                    .get(field)
                    .and_then(|tag| option_of(options, field, tag));
                match option {
                    Some((_, option)) => self.node(option, Value::Map(map)),
                    None => self.leave(Value::Map(map)),
                }
            }
            (NodeKind::Any(options), value) => self.any(options, value),
            (kind, value) => match expected(kind) {
                Some(expected) => match typed(kind, &value) {
                    Ok(value) => value,
                    Err(Refused) => {
                        self.refuse(expected, &value);
                        self.leave(value)
                    }
                },
                None => self.leave(value),
            },
        }
    }

    fn integer(&mut self, value: Value) -> Value {
        let read = match &value {
            Value::Text(text) if self.reading.takes_numbers_as_text => {
                let with_fraction = || match self.reading.takes_zero_fractions {
                    true => text.parse().ok().as_ref().and_then(whole),
                    false => None,
                };
                text.parse().ok().or_else(with_fraction)
            }
            Value::Decimal(number) if self.is_exact => whole(number),
            // Every whole number up to here is one float and no other.
            Value::Float(float) if float.abs() < 1e15 => {
                format!("{float:?}").parse().ok().as_ref().and_then(whole)
            }
            _ => None,
        };
        match read {
            Some(integer) => Value::Integer(integer),
            None => self.leave(value),
        }
    }

    fn float(&mut self, value: Value) -> Value {
        let mut is_too_large = false;
        let mut near = |float: f64| {
            is_too_large = float.is_infinite();
            float
        };
        let read = match &value {
            Value::Decimal(number) if self.is_exact => Some(near(number.to_f64())),
            Value::Integer(integer) if integer.big_text().is_some() => Some(near(integer.to_f64())),
            Value::Text(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                text if self.reading.takes_numbers_as_text => {
                    let number = text.parse::<Decimal>().ok();
                    number.map(|number| match number.is_finite() {
                        true => near(number.to_f64()),
                        false => number.to_f64(),
                    })
                }
                _ => None,
            },
            _ => None,
        };
        match read {
            Some(_) if is_too_large => {
                self.refuse("a number in the range of a float", &value);
                Value::Float(0.0)
            }
            Some(float) => Value::Float(float),
            None => self.leave(value),
        }
    }

    fn boolean(&mut self, value: Value) -> Value {
        if !self.reading.takes_words_as_booleans {
            return self.leave(value);
        }
        let read = match &value {
            Value::Text(word) => boolean_of(word),
            Value::Integer(integer) => match integer.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        };
        match read {
            Some(read) => Value::Bool(read),
            None => self.leave(value),
        }
    }

    fn dictionary(&mut self, fields: &'a [Field], extra: &'a ExtraKeys, map: Map) -> Value {
        let pairs = map.into_iter().filter_map(|(key, value)| {
            let name = key.as_str().unwrap_or_default();
            let field = fields.iter().find(|field| field.is_named(name));
            let is_absent = self.reading.null_is_absent
                && value.is_nil()
                && field.is_some_and(|field| field.is_option && !self.takes_nil(&field.node));
            if is_absent {
                return None;
            }
            Some(match (field, extra) {
                (Some(field), _) => {
                    let step = match field.name == name {
                        true => Step::Name(Cow::Borrowed(&field.name)),
                        false => Step::Name(Cow::Owned(name.to_owned())),
                    };
                    let value = self.below(step, &field.node, value);
                    (key, value)
                }
                (None, ExtraKeys::Taken { values, keys }) => self.entry(values, keys, key, value),
                (None, _) => (key, self.leave(value)),
            })
        });
        Value::Map(pairs.collect())
    }

    /// True if nil is a value of the node's own.
    fn takes_nil(&self, node: &'a Node) -> bool {
        let node = self.schema.resolve(node);
        node.is_some_and(|node| {
            matches!(
                node.kind,
                NodeKind::Nullable(_) | NodeKind::Nil | NodeKind::Anything
            )
        })
    }

    fn entries(&mut self, values: &'a Node, keys: &'a Keys, map: Map) -> Value {
        let pairs = map.into_iter();
        let pairs = pairs.map(|(key, value)| self.entry(values, keys, key, value));
        Value::Map(pairs.collect())
    }

    fn entry(
        &mut self,
        values: &'a Node,
        keys: &'a Keys,
        key: Value,
        value: Value,
    ) -> (Value, Value) {
        self.path.push(Step::Name(key_text(&key).into()));
        let value = self.node(values, value);
        let key = self.key(keys, key);
        self.path.pop();
        (key, value)
    }

    fn key(&mut self, keys: &'a Keys, key: Value) -> Value {
        let (read, expected) = match (keys, key.as_str()) {
            (Keys::Any | Keys::Text, _) | (_, None) => return key,
            (Keys::Integer | Keys::Natural, Some(text)) => {
                let integer: Option<Integer> = text.parse().ok();
                let has_64_bits = self.reading.has_64_bits;
                let integer = integer.filter(|one| !has_64_bits || one.big_text().is_none());
                (integer.map(Value::Integer), "an integer")
            }
            (Keys::Other(node), Some(text)) => match &node.kind {
                NodeKind::Boolean => (text.parse().ok().map(Value::Bool), "`true` or `false`"),
                kind => match expected(kind) {
                    Some(expected) => (typed(kind, &key).ok(), expected),
                    None => return self.node(node, key),
                },
            },
        };
        match read {
            Some(key) => key,
            None => {
                self.refuse(&format!("a key that is {expected}"), &key);
                key
            }
        }
    }

    /// Reads a value as the first alternative that it fits.
    fn any(&mut self, options: &'a [Node], value: Value) -> Value {
        if self.keeps_fitting {
            let schema = self.schema;
            let mut options = options.iter();
            if options.any(|option| schema.fits(option, &value, &mut self.steps)) {
                return self.leave(value);
            }
        }
        let takes_numbers_as_text = self.reading.takes_numbers_as_text;
        for is_second_try in [false, true] {
            self.reading.takes_numbers_as_text = is_second_try && takes_numbers_as_text;
            for option in options {
                let before = self.errors.len();
                let read = self.node(option, value.clone());
                let is_read = self.errors.len() == before;
                self.errors.truncate(before);
                if is_read && self.schema.fits(option, &read, &mut self.steps) {
                    self.reading.takes_numbers_as_text = takes_numbers_as_text;
                    return read;
                }
            }
            if !takes_numbers_as_text {
                break;
            }
        }
        self.reading.takes_numbers_as_text = takes_numbers_as_text;
        if self.is_exhausted() {
            self.error("too large or too deep to be read".to_owned());
        }
        self.leave(value)
    }
}

/// A value that does not have the form of its type.
struct Refused;

/// Describes the form of a type that JSON does not have; `None` for other types.
fn expected(kind: &NodeKind) -> Option<&'static str> {
    Some(match kind {
        NodeKind::DateTime { utc: Some(false) } => {
            r#"a date-time without zone such as "2026-11-21T08:30:00""#
        }
        NodeKind::DateTime { utc: Some(true) } => {
            r#"a date-time with its zone such as "2026-11-21T08:30:00+00:00""#
        }
        NodeKind::DateTime { utc: None } => {
            r#"a date-time such as "2026-11-21T08:30:00", with a zone or without"#
        }
        NodeKind::Date => r#"a date such as "2026-11-21""#,
        NodeKind::Time => r#"a time such as "08:30:00""#,
        NodeKind::Decimal(_) => r#"a decimal number such as "12.30""#,
        NodeKind::Amount => r#"an amount in minor units such as "USD 1250""#,
        NodeKind::Bytes(_) => r#"bytes as base64 such as "AP/+""#,
        _ => return None,
    })
}

/// Reads a word that stands for a boolean, in any case.
fn boolean_of(word: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    match word {
        _ if is(&["true", "1", "on", "yes", "t", "y"]) => Some(true),
        _ if is(&["false", "0", "off", "no", "f", "n"]) => Some(false),
        _ => None,
    }
}

/// Reads a value of a type that JSON does not have.
fn typed(kind: &NodeKind, value: &Value) -> Result<Value, Refused> {
    let text = value.as_str();
    let read = match (kind, text) {
        (NodeKind::DateTime { utc }, Some(text)) => {
            let with_zone = text.parse::<UtcDateTime>().ok().map(Value::from);
            let without = text.parse::<DateTime>().ok().map(Value::from);
            match utc {
                Some(true) => with_zone,
                Some(false) => without,
                None => with_zone.or(without),
            }
        }
        (NodeKind::Date, Some(text)) => text.parse::<Date>().ok().map(Value::from),
        (NodeKind::Time, Some(text)) => text.parse::<Time>().ok().map(Value::from),
        (NodeKind::Amount, Some(text)) => text.parse::<Amount>().ok().map(Value::from),
        (NodeKind::Bytes(_), Some(text)) => Blob::from_base64(text).ok().map(Value::from),
        (NodeKind::Decimal(_), _) => decimal(value).map(Value::from),
        _ => None,
    };
    let is_typed = || {
        matches!(
            (kind, value),
            (
                NodeKind::DateTime {
                    utc: None | Some(false)
                },
                Value::DateTime(_)
            ) | (
                NodeKind::DateTime {
                    utc: None | Some(true)
                },
                Value::UtcDateTime(_)
            ) | (NodeKind::Date, Value::Date(_))
                | (NodeKind::Time, Value::Time(_))
                | (NodeKind::Amount, Value::Amount(_))
                | (NodeKind::Bytes(_), Value::Bytes(_))
        )
    };
    match read {
        Some(read) => Ok(read),
        None if is_typed() => Ok(value.clone()),
        None => Err(Refused),
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Decimal(number) => Some(number.clone()),
        Value::Text(text) => text.parse().ok(),
        Value::Integer(integer) => integer.to_string().parse().ok(),
        Value::Float(float) => {
            let text = format!("{float:?}");
            let mantissa = text.split('e').next().unwrap_or_default();
            let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
            (digits <= FLOAT_DIGITS || !float.is_finite())
                .then(|| text.parse().ok())
                .flatten()
        }
        _ => None,
    }
}

fn whole(number: &Decimal) -> Option<Integer> {
    number.whole_digits(MAX_DIGITS)?.parse().ok()
}

/// True if there is an integer of more than 64 bits in a value.
fn has_wide(value: &Value) -> bool {
    match value {
        Value::Integer(integer) => integer.big_text().is_some(),
        Value::List(items) => items.iter().any(has_wide),
        Value::Map(map) => map.iter().any(|(_, value)| has_wide(value)),
        _ => false,
    }
}

/// Returns the error of an integer of more than 64 bits, in the words of the check.
fn not_of_64_bits(integer: &Integer) -> String {
    match integer < &Integer::from(0) {
        true => format!("Value not >= {}", i64::MIN),
        false => format!("Value not <= {}", u64::MAX),
    }
}

/// Returns a value for an error, cut after 80 characters.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "null".to_owned(),
        Value::Text(text) => match cut(text) {
            Some(text) => format!("{text:?}…"),
            None => format!("{text:?}"),
        },
        Value::Bool(value) => value.to_string(),
        Value::Float(float) => format!("the float {float:?}"),
        Value::Integer(number) => shown_number(&number.to_string()),
        Value::Decimal(number) => shown_number(number.as_str()),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        other => other.kind_name().to_owned(),
    }
}

fn shown_number(digits: &str) -> String {
    match cut(digits) {
        Some(digits) => format!("the number {digits}…"),
        None => format!("the number {digits}"),
    }
}

/// Returns the beginning of a text that is too long.
fn cut(text: &str) -> Option<&str> {
    let (at, _) = text.char_indices().nth(80)?;
    text.get(..at)
}
