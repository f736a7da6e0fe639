//! Values as JSON for people and their tools, whatever is in them.
//!
//! What JSON does not have becomes text: dates, times, decimals and amounts as they are displayed, bytes with `\xff` for
//! those that are not ASCII, and floats that are no numbers as `NaN`, `Infinity` and `-Infinity`. Keys of maps become text,
//! too; those that are lists or maps are the text of their JSON. So it is always JSON, and not always the way back.

use soa_runtime::codec::{MAX_DEPTH, Map, Value, json};

/// A value as JSON.
pub(super) fn text(value: &Value) -> String {
    let plain = plain(value, MAX_DEPTH);
    // What could make this fail is not in it any more.
    let text = json::to_vec(&plain).unwrap_or_else(|_| b"null".to_vec());
    String::from_utf8_lossy(&text).into_owned()
}

/// The value with nothing in it that JSON does not have, and not nested any deeper.
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
            let mut shown = Map::with_capacity(map.len());
            for (key, value) in map.iter() {
                let key = match key {
                    Value::List(_) | Value::Map(_) => text(key).into(),
                    key => plain(key, inner),
                };
                shown.push(key, plain(value, inner));
            }
            Value::Map(shown)
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use soa_runtime::codec::{Decimal, UtcDateTime};

    #[test]
    fn what_json_does_not_have_becomes_text() {
        let mut map = Map::new();
        map.push(7, Value::Bytes(vec![b'a', 0xff, b'"'].into()));
        map.push(Value::List(vec![1.into(), Value::Nil]), f64::NAN);
        map.push(Value::Bytes(vec![b'k'].into()), f64::NEG_INFINITY);
        let time: UtcDateTime = "2020-01-02T03:04:05Z".parse().unwrap();
        let decimal: Decimal = "1.50".parse().unwrap();
        map.push("list", Value::List(vec![time.into(), decimal.into()]));
        let text = text(&Value::Map(map));
        let expected = format!(
            r#"{{"7": "a\\xff\\\"", "[1, null]": "NaN", "k": "-Infinity", "list": ["{time}", "1.50"]}}"#
        );
        assert_eq!(text, expected);
    }
}
