//! Values in JSON, from which the same values can be read again.
//!
//! The text form is for people, and says nothing of types: `"2026-11-21"` may be a date or a text. So the types that JSON
//! lacks stand beside the value, each at its place (a JSON Pointer), and those of keys that are not text, too:
//!
//! ```json
//! {"value": {"price": "12.30", "stock": {"7": 2}}, "types": {"/price": "decimal"}, "keys": {"/stock/7": "integer"}}
//! ```
//!
//! A value that was written is read again at once. If that is not the same value, as of a map with a list as a key, the value is
//! added as base64 of its MessagePack, and that counts.

use std::collections::HashMap;

use bytes::Bytes;

use crate::codec::{
    Amount, Blob, Date, DateTime, Decimal, Encoding, Integer, Map, Time, UtcDateTime, Value,
};
use crate::message::Body;
use crate::redact::Redaction;
use crate::text;

/// The text in place of a secret.
pub(super) const SECRET_MARK: &str = "**********";

/// The keys of a recorded value.
const VALUE: &str = "value";
const TYPES: &str = "types";
const KEYS: &str = "keys";
const REDACTED: &str = "redacted";
const MESSAGE_PACK: &str = "message_pack";

/// A recorded value, without its secrets.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// The value, with `**********` in place of each secret.
    pub value: Value,
    /// The places of the removed secrets, as JSON Pointers.
    pub redacted: Vec<String>,
}

impl Recorded {
    /// Records a value, and removes its secrets.
    pub fn new(value: Value, redaction: &Redaction) -> Self {
        let (mut value, mut redacted) = (value, Vec::new());
        redact(&mut value, redaction, &mut String::new(), &mut redacted);
        Self { value, redacted }
    }

    /// Takes a value as it is, to be compared and not to be written.
    pub(super) fn whole(value: Value) -> Self {
        let redacted = Vec::new();
        Self { value, redacted }
    }

    /// Returns the value as JSON has it.
    pub(super) fn in_text(&self) -> Self {
        let plain = Encoding::Json.decode_value(text::write(&self.value).as_bytes());
        Self {
            // What the writer has written can be read.
            value: plain.unwrap_or_else(|_| self.value.clone()),
            redacted: self.redacted.clone(),
        }
    }

    /// Records a body. `None` if it is malformed.
    pub(crate) fn of_body(body: &Body, redaction: &Redaction) -> Option<Self> {
        Some(Self::new(body.to_value().ok()?, redaction))
    }

    /// Writes this as plain data.
    pub(super) fn to_map(&self) -> Map {
        let mut marks = Marks::default();
        marks.note(&self.value, &mut String::new());
        let mut map = Map::from([(VALUE, self.value.clone())]);
        let pairs = |pairs: &[(String, &'static str)]| {
            let pairs = pairs.iter();
            let pairs: Map = pairs.map(|(at, kind)| (at.as_str(), *kind)).collect();
            pairs
        };
        if !marks.types.is_empty() {
            map.insert(TYPES, pairs(&marks.types));
        }
        if !marks.keys.is_empty() {
            map.insert(KEYS, pairs(&marks.keys));
        }
        if !self.redacted.is_empty() {
            let places = self.redacted.iter().map(|place| place.as_str().into());
            map.insert(REDACTED, Value::List(places.collect()));
        }
        let read = Encoding::Json
            .decode_value(text::write(&Value::Map(map.clone())).as_bytes())
            .map_err(|error| error.to_string())
            .and_then(|plain| Self::from_plain(&plain));
        if read.as_ref() != Ok(self)
            && let Ok(bytes) = Encoding::MessagePack.encode_value(&self.value)
        {
            map.insert(MESSAGE_PACK, Blob::new(Bytes::from(bytes)).to_base64());
        }
        map
    }

    /// Reads what [`to_map`](Self::to_map) has written, after JSON.
    pub(super) fn from_plain(plain: &Value) -> Result<Self, String> {
        let value = plain.get(VALUE).ok_or("`value` is missing")?;
        let redacted = plain.get(REDACTED).and_then(Value::as_list);
        let redacted = redacted.unwrap_or_default().iter();
        let redacted: Vec<String> = redacted
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if let Some(bytes) = plain.get(MESSAGE_PACK) {
            let bytes = bytes.as_str().ok_or("`message_pack` is not text")?;
            let bytes = Blob::from_base64(bytes).map_err(|error| error.to_string())?;
            let value = Encoding::MessagePack.decode_value(&bytes.into_inner());
            let value = value.map_err(|error| format!("`message_pack`: {error}"))?;
            return Ok(Self { value, redacted });
        }
        let types = Places::read(plain.get(TYPES));
        let keys = Places::read(plain.get(KEYS));
        let value = match types.0.is_empty() && keys.0.is_empty() {
            true => value.clone(),
            false => restored(value, &types, &keys, &mut String::new())?,
        };
        Ok(Self { value, redacted })
    }

    /// Returns true if the secret at this dotted path was removed, or one above it.
    pub(super) fn is_redacted(&self, dotted: &str) -> bool {
        self.redacted_paths().any(|path| {
            let rest = dotted.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// Returns the places of the removed secrets as dotted paths.
    pub fn redacted_paths(&self) -> impl Iterator<Item = String> {
        self.redacted.iter().map(|pointer| {
            let parts = pointer.trim_start_matches('/').split('/');
            let parts: Vec<String> = parts
                .map(|part| part.replace("~1", "/").replace("~0", "~"))
                .collect();
            parts.join(".")
        })
    }
}

/// Goes one step down in a JSON Pointer.
fn below<T>(at: &mut String, step: &str, work: impl FnOnce(&mut String) -> T) -> T {
    let length = at.len();
    at.push('/');
    at.push_str(&step.replace('~', "~0").replace('/', "~1"));
    let done = work(at);
    at.truncate(length);
    done
}

/// The text of a key in JSON.
pub(super) fn key_text(key: &Value) -> String {
    if let Value::Text(text) = key {
        return text.clone();
    }
    let pair = Value::Map(Map::from([(key.clone(), Value::Nil)]));
    let written = Encoding::Json.decode_value(text::write(&pair).as_bytes());
    let key = written.ok().and_then(|written| {
        let (key, _) = written.as_map()?.iter().next()?;
        Some(key.as_str()?.to_owned())
    });
    key.unwrap_or_default()
}

/// Replaces the secrets within a value, and notes their places.
fn redact(value: &mut Value, redaction: &Redaction, at: &mut String, redacted: &mut Vec<String>) {
    match value {
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                below(at, &index.to_string(), |at| {
                    redact(item, redaction, at, redacted)
                });
            }
        }
        Value::Map(map) => {
            let pairs = std::mem::take(map).into_pairs().into_iter();
            *map = pairs
                .map(|(key, mut value)| {
                    let step = key_text(&key);
                    let is_secret = !matches!(value, Value::Nil | Value::Bool(_));
                    below(at, &step, |at| {
                        if is_secret && redaction.hides(&step) {
                            redacted.push(at.clone());
                            value = SECRET_MARK.into();
                        } else {
                            redact(&mut value, redaction, at, redacted);
                        }
                    });
                    (key, value)
                })
                .collect();
        }
        _ => {}
    }
}

/// The types that JSON lacks, by their places.
#[derive(Default)]
struct Marks {
    types: Vec<(String, &'static str)>,
    keys: Vec<(String, &'static str)>,
}

impl Marks {
    fn note(&mut self, value: &Value, at: &mut String) {
        match value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    below(at, &index.to_string(), |at| self.note(item, at));
                }
            }
            Value::Map(map) => {
                for (key, value) in map.iter() {
                    below(at, &key_text(key), |at| {
                        if let Some(kind) = kind_of_key(key) {
                            self.keys.push((at.clone(), kind));
                        }
                        self.note(value, at);
                    });
                }
            }
            value => {
                if let Some(kind) = kind_of(value) {
                    self.types.push((at.clone(), kind));
                }
            }
        }
    }
}

/// The name of a type that JSON lacks; `None` for a value that JSON has.
fn kind_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Float(float) if !float.is_finite() => "float",
        Value::Bytes(_) => "bytes",
        Value::DateTime(_) => "date_time",
        Value::UtcDateTime(_) => "utc_date_time",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::Decimal(_) => "decimal",
        Value::Amount(_) => "amount",
        _ => return None,
    })
}

/// The name of the type of a key that is not text.
fn kind_of_key(key: &Value) -> Option<&'static str> {
    match key {
        Value::Text(_) => None,
        Value::Nil => Some("nil"),
        Value::Bool(_) => Some("boolean"),
        Value::Integer(_) => Some("integer"),
        Value::Float(_) => Some("float"),
        key => kind_of(key),
    }
}

/// Reads a text as a type.
fn typed(kind: &str, text: &str) -> Result<Value, String> {
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display> + Into<Value>>(
        text: &str,
    ) -> Result<Value, String> {
        let parsed: Result<T, _> = text.parse();
        parsed.map(Into::into).map_err(|error| error.to_string())
    }
    match kind {
        "nil" => Ok(Value::Nil),
        "boolean" => parsed::<bool>(text),
        "integer" => text
            .parse::<Integer>()
            .map(Value::Integer)
            .map_err(|error| error.to_string()),
        "float" => match text {
            "NaN" => Ok(f64::NAN.into()),
            "Infinity" => Ok(f64::INFINITY.into()),
            "-Infinity" => Ok(f64::NEG_INFINITY.into()),
            text => parsed::<f64>(text),
        },
        "bytes" => Blob::from_base64(text)
            .map(|blob| Value::Bytes(blob.into_inner()))
            .map_err(|error| error.to_string()),
        "date_time" => parsed::<DateTime>(text),
        "utc_date_time" => parsed::<UtcDateTime>(text),
        "date" => parsed::<Date>(text),
        "time" => parsed::<Time>(text),
        "decimal" => parsed::<Decimal>(text),
        "amount" => parsed::<Amount>(text),
        other => Err(format!("there is no type `{other}`")),
    }
}

/// The types at places.
struct Places<'a>(HashMap<&'a str, &'a str>);

impl<'a> Places<'a> {
    fn read(plain: Option<&'a Value>) -> Self {
        let pairs = plain.and_then(Value::as_map).into_iter();
        let pairs = pairs.flat_map(Map::iter);
        Self(
            pairs
                .filter_map(|(at, kind)| Some((at.as_str()?, kind.as_str()?)))
                .collect(),
        )
    }

    fn typed(&self, at: &str, text: &str) -> Option<Result<Value, String>> {
        let kind = self.0.get(at)?;
        Some(typed(kind, text).map_err(|problem| format!("`{at}`: {problem}")))
    }
}

/// Gives the texts their types back.
fn restored(
    plain: &Value,
    types: &Places<'_>,
    keys: &Places<'_>,
    at: &mut String,
) -> Result<Value, String> {
    match plain {
        Value::List(items) => {
            let items = items.iter().enumerate().map(|(index, item)| {
                below(at, &index.to_string(), |at| restored(item, types, keys, at))
            });
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        Value::Map(map) => {
            let mut read = Map::with_capacity(map.len());
            for (key, value) in map.iter() {
                let step = key.as_str().unwrap_or_default();
                let (key, value) = below(at, step, |at| {
                    let key = keys.typed(at, step).unwrap_or_else(|| Ok(key.clone()))?;
                    Ok::<_, String>((key, restored(value, types, keys, at)?))
                })?;
                read.push(key, value);
            }
            Ok(Value::Map(read))
        }
        Value::Text(text) => types.typed(at, text).unwrap_or_else(|| Ok(plain.clone())),
        plain => Ok(plain.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value;

    fn again(recorded: &Recorded) -> Recorded {
        let line = text::write(&Value::Map(recorded.to_map()));
        let plain = Encoding::Json.decode_value(line.as_bytes()).unwrap();
        Recorded::from_plain(&plain).unwrap()
    }

    fn recorded(value: Value) -> Recorded {
        Recorded::new(value, &Redaction::standard())
    }

    #[test]
    fn values_that_json_lacks_are_read_as_they_were() {
        let price: Decimal = "12.30".parse().unwrap();
        let when: UtcDateTime = "2026-11-21T08:30:00.250000Z".parse().unwrap();
        let local: DateTime = "2026-11-21T08:30:00".parse().unwrap();
        let value = value!({
            "price": price,
            "when": when,
            "local": local,
            "day": (Date::new(2026, 11, 21).unwrap()),
            "text": "2026-11-21",
            "cost": (Amount::new("USD", 1250).unwrap()),
            "file": (Bytes::from_static(&[0, 255, 7])),
            "share": (f64::NAN),
            "whole": 2.0,
            "tags/~": [{ "price": (Decimal::from(7)) }],
            "stock": { 7: 2, (-1): { true: "yes" } },
        });
        let written = recorded(value);
        assert_eq!(again(&written), written);
        assert!(!written.to_map().contains_key(MESSAGE_PACK));
        let map = written.to_map();
        let types = map.get(TYPES).unwrap();
        assert_eq!(types.get("/price").and_then(Value::as_str), Some("decimal"));
        assert!(types.get("/text").is_none(), "a text is a text");
    }

    #[test]
    fn a_value_for_which_json_has_no_form_is_kept_as_its_bytes() {
        let list = Value::List(vec![1.into(), 2.into()]);
        let mut twice = Map::new();
        twice.push(7, "as a number");
        twice.push("7", "as a text");
        let written = recorded(value!({ "by list": (Map::from([(list, "x")])), "twice": twice }));
        assert!(written.to_map().contains_key(MESSAGE_PACK));
        assert_eq!(again(&written), written);
    }

    #[test]
    fn secrets_are_removed_at_any_depth_and_their_places_noted() {
        let written = recorded(value!({
            "name": "ada", "password": "x", "cards": [{ "cvv": 123, "token": (Value::Nil) }]
        }));
        assert_eq!(written.redacted, ["/password", "/cards/0/cvv"]);
        let line = text::write(&Value::Map(written.to_map()));
        assert!(!line.contains("123") && !line.contains('x'), "{line}");
        assert!(written.is_redacted("cards.0.cvv") && !written.is_redacted("cards.0"));
        assert_eq!(again(&written), written);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            proptest::collection::vec(any::<u8>(), 0..9)
                .prop_map(|bytes| Value::Bytes(bytes.into())),
            (0i64..2_000_000_000_000).prop_map(|micros| {
                DateTime::from_micros(micros).map_or(Value::Nil, Value::DateTime)
            }),
            (any::<i32>(), 0u32..9).prop_map(|(digits, scale)| {
                let decimal: Decimal = format!("{digits}e-{scale}").parse().unwrap();
                Value::Decimal(decimal)
            }),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let key = prop_oneof![
                ".{0,5}".prop_map(Value::from),
                any::<i8>().prop_map(Value::from),
            ];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                proptest::collection::vec((key, inner), 0..5)
                    .prop_map(|pairs| Value::Map(pairs.into())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_as_the_same(value in any_value()) {
            let written = recorded(value);
            prop_assert_eq!(again(&written), written);
        }
    }
}
