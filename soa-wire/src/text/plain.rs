//! Plain data: what JSON has, on its way between text and values.

use super::error::TextError;
use super::read::{Reading, by_schema, inexact, misfits};
use crate::codec::{Blob, DecodeError, MAX_DEPTH, Map, Value, json};
use crate::schema::{FieldError, Schema};

/// Plain data: what JSON has. It is JSON before a schema has said what its texts and numbers are, or a value after its
/// types have become text.
///
/// ```
/// # use soa_wire as soa;
/// use schemars::JsonSchema;
/// use soa::schema::Schema;
/// use soa::text::Plain;
/// use soa::{Date, Decimal, value};
///
/// #[derive(JsonSchema)]
/// struct Order {
///     day: Date,
///     price: Decimal,
/// }
///
/// let text = r#"{"day": "2026-11-21", "price": 1.10}"#;
/// let order = Plain::from_json(text)?.read(&Schema::of::<Order>())?;
/// let price: Decimal = "1.10".parse()?;
/// assert_eq!(order, value!({ "day": (Date::new(2026, 11, 21)?), "price": price }));
/// assert_eq!(Plain::of(&order).to_json(), r#"{"day": "2026-11-21", "price": "1.10"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    value: Value,
    /// True if decimals are numbers of JSON, with all digits. Otherwise numbers with a fraction are floats.
    is_exact: bool,
}

impl Plain {
    /// Parses JSON. Numbers keep their digits.
    ///
    /// # Errors
    ///
    /// Fails if the text is not JSON.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        Ok(Self {
            value: json::decode_exact(text.as_bytes())?,
            is_exact: true,
        })
    }

    /// Wraps data of another source, such as a file of settings. Types that it has already are kept. Its floats stand for
    /// decimals of up to 15 digits; those with more digits are refused, as a float may have lost some.
    pub const fn from_value(value: Value) -> Self {
        Self {
            value,
            is_exact: false,
        }
    }

    /// Writes a value: what JSON does not have becomes text. Lists and maps as keys become the text of their JSON. What is
    /// nested deeper than a message can be becomes `…`.
    pub fn of(value: &Value) -> Self {
        Self::from_value(plain(value, MAX_DEPTH))
    }

    /// Reads a value by its schema.
    ///
    /// # Errors
    ///
    /// All texts that do not have the form of their type, with their fields.
    pub fn read(self, schema: &Schema) -> Result<Value, TextError> {
        let (value, errors) = self.read_as(schema, Reading::PEOPLE);
        match errors.is_empty() {
            true => Ok(value),
            false => Err(TextError(errors)),
        }
    }

    /// Reads a value by its schema, as another protocol has it. Returns the value as far as it could be read, and the
    /// errors.
    #[doc(hidden)]
    pub fn read_as(self, schema: &Schema, reading: Reading) -> (Value, Vec<FieldError>) {
        by_schema(schema, self.value, self.is_exact, reading)
    }

    /// Reads a value without a schema, as another protocol has it.
    #[doc(hidden)]
    pub fn read_untyped(self, reading: Reading) -> (Value, Vec<FieldError>) {
        self.read_as(&Schema::anything(), reading)
    }

    /// Wraps a value in which decimals are numbers of JSON, with all digits.
    #[doc(hidden)]
    pub const fn exact(value: Value) -> Self {
        Self {
            value,
            is_exact: true,
        }
    }

    /// The value as it was parsed: numbers with a fraction are decimals, with all digits.
    #[doc(hidden)]
    pub fn into_exact(self) -> Value {
        self.value
    }

    /// Reads what the schema does not take as it is, and leaves the rest: also texts that do not have the form of their type,
    /// for the check of the value. For test plans, where a text without a type may be meant as text.
    #[doc(hidden)]
    pub fn read_misfits(self, schema: &Schema) -> Value {
        misfits(schema, self.value)
    }

    /// The value without a schema: text stays text, and numbers with a fraction are floats.
    pub fn into_value(self) -> Value {
        match self.is_exact {
            true => inexact(self.value),
            false => self.value,
        }
    }

    /// The pairs, if this is a map.
    pub fn as_map(&self) -> Option<&Map> {
        self.value.as_map()
    }

    /// Writes JSON, in one line.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        // Plain data can always be written. For other types that `from_value` was given, their text is.
        if json::encode_value(&self.value, &mut out).is_err() {
            let _ = json::encode_value(&plain(&self.value, MAX_DEPTH), &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Reads JSON by its schema.
///
/// # Errors
///
/// The text is not JSON; or all texts in it that do not have the form of their type, with their fields.
pub fn read(schema: &Schema, json: &str) -> Result<Value, TextError> {
    Plain::from_json(json)?.read(schema)
}

/// Writes a value as JSON, in one line.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{Blob, text, value};
///
/// let value = value!({ 7: (Blob::from([0, 255])), "share": (f64::NAN) });
/// assert_eq!(text::write(&value), r#"{"7": "AP8=", "share": "NaN"}"#);
/// ```
pub fn write(value: &Value) -> String {
    Plain::of(value).to_json()
}

/// Replaces values that JSON does not have, and values that are nested too deeply.
fn plain(value: &Value, levels: usize) -> Value {
    let inner = levels.saturating_sub(1);
    match value {
        Value::List(_) | Value::Map(_) if levels == 0 => "…".into(),
        Value::List(list) => Value::List(list.iter().map(|value| plain(value, inner)).collect()),
        Value::Map(map) => {
            let entries = map.iter();
            let entries = entries.map(|(key, value)| (key_of(key, inner), plain(value, inner)));
            Value::Map(entries.collect())
        }
        value => plain_leaf(value.clone()),
    }
}

/// Replaces a value that JSON does not have, and that is neither a list nor a map.
pub(super) fn plain_leaf(value: Value) -> Value {
    match value {
        Value::Float(float) if float.is_nan() => "NaN".into(),
        Value::Float(float) if float.is_infinite() => match float > 0.0 {
            true => "Infinity".into(),
            false => "-Infinity".into(),
        },
        Value::Bytes(bytes) => Blob::new(bytes).to_base64().into(),
        Value::DateTime(time) => time.to_string().into(),
        Value::UtcDateTime(time) => time.to_string().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Time(time) => time.to_string().into(),
        Value::Decimal(decimal) => decimal.to_string().into(),
        Value::Amount(amount) => amount.to_string().into(),
        value => value,
    }
}

pub(super) fn key_of(key: &Value, levels: usize) -> Value {
    match key {
        Value::Text(_) => key.clone(),
        Value::List(_) | Value::Map(_) => Plain {
            value: plain(key, levels),
            is_exact: false,
        }
        .to_json()
        .into(),
        key => plain(key, levels),
    }
}
