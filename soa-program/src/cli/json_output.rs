//! Output of values as JSON, for people and tools.
//!
//! Values that JSON does not have become text: dates, times, decimals and amounts as they are displayed, bytes with `\xff`
//! for those that are not ASCII, and floats as `NaN`, `Infinity` and `-Infinity`. Keys of maps become text, too; lists and
//! maps as keys become the text of their JSON. The output is always valid JSON, but cannot always be converted back.

use soa_runtime::codec::{MAX_DEPTH, Map, Value, json};

/// Formats a value as JSON.
pub(super) fn json_text(value: &Value) -> String {
    let plain = plain(value, MAX_DEPTH);
    // Plain values cannot fail to be encoded.
    let text = json::to_vec(&plain).unwrap_or_else(|_| b"null".to_vec());
    String::from_utf8_lossy(&text).into_owned()
}

/// Replaces values that JSON does not have, and values that are nested too deeply.
fn plain(value: &Value, levels: usize) -> Value {
    let inner = levels.saturating_sub(1);
    match value {
        Value::Float(float) if float.is_nan() => "NaN".into(),
        Value::Float(float) if float.is_infinite() => {
            let text = if *float > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            text.into()
        }
        Value::Bytes(bytes) => bytes.escape_ascii().to_string().into(),
        Value::DateTime(time) => time.to_string().into(),
        Value::UtcDateTime(time) => time.to_string().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Time(time) => time.to_string().into(),
        Value::Decimal(decimal) => decimal.to_string().into(),
        Value::Amount(amount) => amount.to_string().into(),
        Value::List(_) | Value::Map(_) if levels == 0 => "…".into(),
        Value::List(list) => Value::List(list.iter().map(|value| plain(value, inner)).collect()),
        Value::Map(map) => {
            let mut entries = Map::with_capacity(map.len());
            for (key, value) in map.iter() {
                let key = match key {
                    Value::List(_) | Value::Map(_) => json_text(key).into(),
                    key => plain(key, inner),
                };
                entries.push(key, plain(value, inner));
            }
            Value::Map(entries)
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::codec::{Decimal, UtcDateTime};

    use super::*;

    #[test]
    fn values_that_json_does_not_have_become_text() {
        let mut map = Map::new();
        map.push(7, Value::Bytes(vec![b'a', 0xff, b'"'].into()));
        map.push(Value::List(vec![1.into(), Value::Nil]), f64::NAN);
        map.push(Value::Bytes(vec![b'k'].into()), f64::NEG_INFINITY);
        let time: UtcDateTime = "2020-01-02T03:04:05Z".parse().unwrap();
        let decimal: Decimal = "1.50".parse().unwrap();
        map.push("list", Value::List(vec![time.into(), decimal.into()]));
        let text = json_text(&Value::Map(map));
        let expected = format!(
            r#"{{"7": "a\\xff\\\"", "[1, null]": "NaN", "k": "-Infinity", "list": ["{time}", "1.50"]}}"#
        );
        assert_eq!(text, expected);
    }
}
