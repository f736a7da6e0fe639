//! Typed values: the meaning of the text of a value.
//!
//! A line names a data type (`int`, `base64_bytes`, …; `str` by default) and writes the value as text. Most values are
//! parsed when the plan is read, and a text that does not fit the type is a mistake of its line. Others are resolved when
//! the case runs: `now +1` needs a clock, `[[USER.0.name]]` an earlier response. An expectation may have a matcher in place
//! of a value.

use bytes::Bytes;
use soa_runtime::codec::{Blob, Date, DateTime, Map, Time, Value};

use super::matcher::{AnyKind, Pattern};
use super::moment::{self, Moment};
use super::template::Template;

/// The data types, in the order in which a line is searched for them: a type comes before those that it begins with.
pub(super) const DATA_TYPES: [&str; 19] = [
    "base64_bytes",
    "encoded_unicode",
    "encoded_ascii",
    "emptydict",
    "emptylist",
    "emptystr",
    "not regex",
    "datetime",
    "decimal",
    "bytes",
    "float",
    "regex",
    "bool",
    "date",
    "none",
    "None",
    "time",
    "int",
    "str",
];

/// The value of a line, or its matcher.
#[derive(Clone, Debug)]
pub(super) enum Typed {
    /// A value.
    Value(Value),
    /// A time that needs the clock.
    Moment(Moment),
    /// Text with references to responses and constants.
    Template(Template),
    /// Any value of a type.
    Any(AnyKind),
    /// Text that a regular expression matches, or does not match.
    Pattern(Pattern),
}

impl Typed {
    /// Parses the value or the matcher of an expectation.
    pub(super) fn expected(data_type: &str, text: &str) -> Result<Self, String> {
        match data_type {
            "regex" => Pattern::new(text, false).map(Self::Pattern),
            "not regex" => Pattern::new(text, true).map(Self::Pattern),
            _ => Self::value(data_type, text),
        }
    }

    /// Parses a value that is sent.
    pub(super) fn value(data_type: &str, text: &str) -> Result<Self, String> {
        if matches!(data_type, "regex" | "not regex") {
            return Err(format!(
                "`{data_type}` is for expectations, and cannot be sent"
            ));
        }
        if let Some(template) = Template::parse(text)? {
            return Ok(Self::Template(template));
        }
        let value = match data_type {
            "int" => integer(text)?,
            "float" => float(text)?,
            "decimal" => decimal(text)?,
            "bool" => boolean(text)?,
            "bytes" => Value::Bytes(Bytes::copy_from_slice(text.as_bytes())),
            "base64_bytes" => Blob::from_base64(text)
                .map(Value::from)
                .map_err(|_| format!("`{text}` is not valid base64"))?,
            "encoded_ascii" if !text.is_ascii() => {
                return Err(
                    "`encoded_ascii` takes ASCII only; write other characters as escapes (`\\u00e9`), or use `str`"
                        .to_owned(),
                );
            }
            "encoded_ascii" => Value::Text(unescape(text)?),
            // As in PySOA, each byte is a character, and characters beyond ASCII are written as escapes.
            "encoded_unicode" => {
                let bytes: String = text.bytes().map(char::from).collect();
                Value::Text(unescape(&bytes)?)
            }
            "emptystr" => Value::Text(String::new()),
            "emptylist" => Value::List(Vec::new()),
            "emptydict" => Value::Map(Map::new()),
            "none" | "None" => Value::Nil,
            "datetime" | "date" | "time" => return moment_or_value(data_type, text),
            _ => Value::Text(text.to_owned()),
        };
        Ok(Self::Value(value))
    }
}

/// Removes the underscores from a number. As in Python, they must be single ones between digits.
fn without_underscores(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let mut underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    underscores
        .all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
        .then(|| text.replace('_', ""))
}

fn integer(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::from(0));
    }
    let digits = without_underscores(text).and_then(|text| text.parse().ok());
    digits
        .map(Value::Integer)
        .ok_or_else(|| format!("`{text}` is not an integer"))
}

fn float(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::from(0.0));
    }
    let number = without_underscores(text).and_then(|text| text.parse().ok());
    number
        .map(Value::Float)
        .ok_or_else(|| format!("`{text}` is not a number"))
}

fn decimal(text: &str) -> Result<Value, String> {
    let text = if text.is_empty() { "0.0" } else { text };
    let number = without_underscores(text).and_then(|text| text.parse().ok());
    number
        .map(Value::Decimal)
        .ok_or_else(|| format!("`{text}` is not a decimal number"))
}

/// Parses a boolean. PySOA takes everything but `true` for false, also `yes`. Here it is a mistake, because it is never
/// meant.
fn boolean(text: &str) -> Result<Value, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(Value::Bool(true)),
        "false" | "" => Ok(Value::Bool(false)),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

fn moment_or_value(data_type: &str, text: &str) -> Result<Typed, String> {
    if let Some(moment) = Moment::parse(data_type, text)? {
        return Ok(Typed::Moment(moment));
    }
    let numbers = moment::numbers(text).unwrap_or_default();
    let value = match (data_type, numbers.as_slice()) {
        ("date", [year, month, day]) => date(*year, *month, *day).map(Value::Date),
        ("datetime", [year, month, day, rest @ ..]) if rest.len() <= 4 => date(*year, *month, *day)
            .and_then(|date| {
                let time = time(rest)?;
                Some(Value::DateTime(DateTime::new(date, time)))
            }),
        ("time", rest @ [_, ..]) if rest.len() <= 4 => time(rest).map(Value::Time),
        _ => None,
    };
    let form = match data_type {
        "date" => "`today`, `utc_today` or `year,month,day`",
        "time" => "`now`, `utc_now`, `midnight` or `hour,minute,second,microsecond`",
        _ => {
            "`now`, `utc_now`, `midnight`, `utc_midnight` or `year,month,day,hour,minute,second,microsecond`"
        }
    };
    value
        .map(Typed::Value)
        .ok_or_else(|| format!("`{text}` is not a {data_type}; write {form}"))
}

fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    let (year, month, day) = (
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    );
    Date::new(year, month, day).ok()
}

fn time(parts: &[i64]) -> Option<Time> {
    let part = |at: usize| parts.get(at).copied().unwrap_or(0);
    let small = |at: usize| u8::try_from(part(at)).ok();
    let microsecond = u32::try_from(part(3)).ok()?;
    Time::new(small(0)?, small(1)?, small(2)?, microsecond).ok()
}

/// Resolves the escapes of a Python string.
fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        let escape = characters
            .next()
            .ok_or("the text ends in the middle of an escape")?;
        let simple = match escape {
            '\\' | '\'' | '"' => escape,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' | 'u' | 'U' => {
                let length = match escape {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = characters.by_ref().take(length).collect();
                let number = (digits.len() == length)
                    .then(|| u32::from_str_radix(&digits, 16).ok())
                    .flatten();
                number.and_then(char::from_u32).ok_or_else(|| {
                    format!("`\\{escape}{digits}` is not a character; write {length} hex digits")
                })?
            }
            '0'..='7' => {
                let mut number = u32::from(escape) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = characters.peek().and_then(|next| next.to_digit(8)) else {
                        break;
                    };
                    number = number * 8 + digit;
                    characters.next();
                }
                char::from_u32(number).ok_or("an octal escape is not a character")?
            }
            'N' => {
                return Err(
                    "names of characters (`\\N{…}`) are not supported; use `\\u`".to_owned(),
                );
            }
            other => {
                plain.push('\\');
                other
            }
        };
        plain.push(simple);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    fn value(data_type: &str, text: &str) -> Value {
        match Typed::value(data_type, text) {
            Ok(Typed::Value(value)) => value,
            other => panic!("{data_type} {text}: {other:?}"),
        }
    }

    #[test]
    fn texts_are_read_as_their_type_says() {
        assert_eq!(value("int", "-1_000"), value!((-1000)));
        let big = "8273827393847282938472728293737171628";
        assert_eq!(value("int", big).as_integer().unwrap().to_string(), big);
        assert_eq!(value("float", "22.5"), value!(22.5));
        assert_eq!(
            value("decimal", "9183.340"),
            "9183.340".parse::<soa_runtime::Decimal>().unwrap().into()
        );
        assert_eq!(value("bool", "TrUE"), value!(true));
        assert_eq!(value("bytes", "ü"), Bytes::from_static(b"\xc3\xbc").into());
        assert_eq!(
            value("base64_bytes", "R29vZGJ5ZSwgdW5pdmVyc2U="),
            Bytes::from_static(b"Goodbye, universe").into()
        );
        assert_eq!(
            value("base64_bytes", "AP/+"),
            Bytes::from_static(b"\x00\xff\xfe").into()
        );
        assert_eq!(
            value("encoded_ascii", r"item\x0b \\\n\u00e9\101\q"),
            value!("item\u{b} \\\n\u{e9}A\\q")
        );
        assert_eq!(
            value("encoded_unicode", r"☃\U0001f61c\u2603"),
            value!("\u{e2}\u{98}\u{83}😜☃")
        );
        assert_eq!(
            value("datetime", "2018,4,1,12,31,57"),
            "2018-04-01T12:31:57".parse::<DateTime>().unwrap().into()
        );
        assert_eq!(
            value("date", "2017, 1,17"),
            Date::new(2017, 1, 17).unwrap().into()
        );
        assert_eq!(
            value("time", "11,31,52,7"),
            Time::new(11, 31, 52, 7).unwrap().into()
        );
        assert_eq!(value("none", "x"), Value::Nil);
        assert_eq!(value("emptydict", ""), value!({}));
        assert_eq!(value("emptylist", ""), value!([]));
        assert_eq!(value("str", " "), value!(" "));
    }

    #[test]
    fn no_text_is_a_zero() {
        assert_eq!(value("int", ""), value!(0));
        assert_eq!(value("float", ""), value!(0.0));
        assert_eq!(value("bool", ""), value!(false));
        assert_eq!(value("bytes", ""), Bytes::new().into());
        assert_eq!(value("base64_bytes", ""), Bytes::new().into());
        assert_eq!(value("str", ""), value!(""));
    }

    #[test]
    fn what_does_not_fit_its_type_is_told() {
        for (data_type, text) in [
            ("int", "abc123"),
            ("int", "1__0"),
            ("int", "_1"),
            ("float", "1,5"),
            ("decimal", "1.2.3"),
            ("bool", "yes"),
            ("base64_bytes", "abc"),
            ("base64_bytes", "a*=="),
            ("encoded_ascii", "é"),
            ("encoded_ascii", "a\\"),
            ("encoded_unicode", r"\ud83d"),
            ("encoded_unicode", r"\x1"),
            ("datetime", ""),
            ("datetime", "2018,13,1"),
            ("datetime", "tomorrow"),
            ("date", "2018,2,30"),
            ("date", "2018,2"),
            ("time", "24"),
            ("time", "utc_midnight"),
            ("regex", "a"),
        ] {
            assert!(Typed::value(data_type, text).is_err(), "{data_type} {text}");
        }
    }
}
