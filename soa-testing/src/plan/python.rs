//! Values as Python writes them.
//!
//! In a longer text, `[[…]]` becomes the value as Python's `str` writes it. Text stays as it is. Values in a list or a map
//! are written as by `repr`: text in quotes, a decimal as `Decimal('1.50')`.

use std::fmt::Write as _;

use soa_runtime::codec::{Amount, Date, DateTime, Map, Time, Value, json};

/// Writes a value inside of a text, as Python's `str` does. Amounts of money are written as by `repr`.
pub(super) fn str(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::DateTime(moment) => format!("{} {}", moment.date(), moment.time()),
        Value::UtcDateTime(moment) => format!("{} {}+00:00", moment.date(), moment.time()),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Decimal(decimal) => decimal.to_string(),
        other => repr(other),
    }
}

/// Writes a value inside of a list or a map, as Python's `repr` does.
fn repr(value: &Value) -> String {
    match value {
        Value::Nil => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Float(float) => of_float(*float),
        Value::Text(text) => quoted(text.chars(), is_printable),
        Value::Bytes(bytes) => {
            let characters = bytes.iter().copied().map(char::from);
            format!("b{}", quoted(characters, |c| matches!(c, ' '..='~')))
        }
        Value::List(list) => {
            let elements: Vec<String> = list.iter().map(repr).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Map(map) => of_map(map),
        Value::DateTime(moment) => of_moment(*moment, ""),
        Value::UtcDateTime(moment) => of_moment(moment.without_zone(), ", tzinfo=<UTC>"),
        Value::Date(date) => format!("datetime.date({})", of_date(*date)),
        Value::Time(time) => format!("datetime.time({})", of_time(*time)),
        Value::Decimal(decimal) => format!("Decimal('{decimal}')"),
        Value::Amount(amount) => of_amount(amount),
        other => format!("{other:?}"),
    }
}

fn of_float(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // For finite numbers, JSON and Python have the same form.
    let mut text = Vec::new();
    let written = json::encode_value(&Value::Float(float), &mut text);
    match (written, String::from_utf8(text)) {
        (Ok(()), Ok(text)) => text,
        _ => float.to_string(),
    }
}

/// Writes text in quotes: in double quotes if only these need no escapes, otherwise in single quotes.
fn quoted(characters: impl Iterator<Item = char> + Clone, is_plain: fn(char) -> bool) -> String {
    let has = |quote| characters.clone().any(|character| character == quote);
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    let mut text = String::from(quote);
    for character in characters {
        match character {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            other if other == quote => text.extend(['\\', quote]),
            other if is_plain(other) => text.push(other),
            other => {
                let code = u32::from(other);
                // Writing to a string never fails.
                let _ = match code {
                    0..=0xff => write!(text, "\\x{code:02x}"),
                    0x100..=0xffff => write!(text, "\\u{code:04x}"),
                    _ => write!(text, "\\U{code:08x}"),
                };
            }
        }
    }
    text.push(quote);
    text
}

fn is_printable(character: char) -> bool {
    character == ' ' || !character.is_control() && !character.is_whitespace()
}

fn of_map(map: &Map) -> String {
    let pairs = map.iter();
    let pairs = pairs.map(|(key, value)| format!("{}: {}", repr(key), repr(value)));
    let pairs: Vec<String> = pairs.collect();
    format!("{{{}}}", pairs.join(", "))
}

fn of_moment(moment: DateTime, zone: &str) -> String {
    let (date, time) = (of_date(moment.date()), of_time(moment.time()));
    format!("datetime.datetime({date}, {time}{zone})")
}

fn of_date(date: Date) -> String {
    format!("{}, {}, {}", date.year(), date.month(), date.day())
}

/// Writes the parts of a time, without seconds and microseconds that are zero at the end.
fn of_time(time: Time) -> String {
    let minutes = format!("{}, {}", time.hour(), time.minute());
    match (time.second(), time.microsecond()) {
        (0, 0) => minutes,
        (second, 0) => format!("{minutes}, {second}"),
        (second, microsecond) => format!("{minutes}, {second}, {microsecond}"),
    }
}

fn of_amount(amount: &Amount) -> String {
    format!("<Amount {}, {}>", amount.currency(), amount.minor())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use soa_runtime::codec::{Decimal, UtcDateTime};
    use soa_runtime::value;

    use super::*;

    #[test]
    fn a_value_in_a_text_is_what_str_makes_of_it() {
        let moment = DateTime::new(
            Date::new(2018, 1, 1).unwrap(),
            Time::new(0, 0, 0, 0).unwrap(),
        );
        for (value, text) in [
            (value!(nil), "None"),
            (value!(true), "True"),
            (value!((-7)), "-7"),
            (value!(1e16), "1e+16"),
            (value!(1e-5), "1e-05"),
            (value!(22.0), "22.0"),
            (value!((f64::NEG_INFINITY)), "-inf"),
            (value!("it's"), "it's"),
            (
                Bytes::from_static(b"a'\x00\xff\n").into(),
                r#"b"a'\x00\xff\n""#,
            ),
            (value!(["a"]), "['a']"),
            (
                value!({"k": "v", "n": [nil, 1.5]}),
                "{'k': 'v', 'n': [None, 1.5]}",
            ),
            (moment.into(), "2018-01-01 00:00:00"),
            (moment.assume_utc().into(), "2018-01-01 00:00:00+00:00"),
            (moment.date().into(), "2018-01-01"),
            (Time::new(1, 2, 3, 40).unwrap().into(), "01:02:03.000040"),
            ("1.50".parse::<Decimal>().unwrap().into(), "1.50"),
        ] {
            assert_eq!(str(&value), text);
        }
    }

    #[test]
    fn a_value_in_a_list_is_what_repr_makes_of_it() {
        let moment: UtcDateTime = "2018-01-01T00:00:05Z".parse().unwrap();
        for (value, text) in [
            (value!("a'b"), r#"["a'b"]"#),
            (value!("a'\"b"), r#"['a\'"b']"#),
            (
                value!("tab\t\u{7}\u{7f}é\u{2028}☃\\"),
                r"['tab\t\x07\x7fé\u2028☃\\']",
            ),
            (
                moment.into(),
                "[datetime.datetime(2018, 1, 1, 0, 0, 5, tzinfo=<UTC>)]",
            ),
            (moment.date().into(), "[datetime.date(2018, 1, 1)]"),
            (
                Time::new(1, 2, 0, 3).unwrap().into(),
                "[datetime.time(1, 2, 0, 3)]",
            ),
            (
                "1E+2".parse::<Decimal>().unwrap().into(),
                "[Decimal('1E+2')]",
            ),
            (Amount::new("USD", -5).unwrap().into(), "[<Amount USD, -5>]"),
        ] {
            assert_eq!(str(&value!([value])), text);
        }
    }
}
