//! Matchers, which take the place of an expected value, and the equality of values.
//!
//! Values are compared as Python compares them, because plans are written for it: numbers (integers, floats, decimals and
//! booleans) by value, maps in any order, everything else only with the same type. A date-time with a zone never equals one
//! without.

use std::fmt;

use regex_lite::Regex;
use soa_runtime::codec::{Decimal, Value};

/// A matcher for any value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnyKind(&'static str);

impl AnyKind {
    const KINDS: [&'static str; 9] = [
        "str", "int", "float", "decimal", "bool", "bytes", "datetime", "date", "time",
    ];

    pub(super) fn new(data_type: &str) -> Result<Self, String> {
        let mut kinds = Self::KINDS.into_iter();
        kinds
            .find(|kind| *kind == data_type)
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "`any {data_type}` is not possible; use one of {}",
                    Self::KINDS.join(", ")
                )
            })
    }

    pub(super) fn accepts(self, value: &Value) -> bool {
        match (self.0, value) {
            ("str", Value::Text(_))
            // A boolean is an integer in Python.
            | ("int", Value::Integer(_) | Value::Bool(_))
            | ("float", Value::Float(_))
            | ("decimal", Value::Decimal(_))
            | ("bool", Value::Bool(_))
            | ("bytes", Value::Bytes(_))
            | ("datetime", Value::DateTime(_) | Value::UtcDateTime(_))
            | ("date", Value::Date(_))
            | ("time", Value::Time(_)) => true,
            // Services that use JSON write dates and times as text.
            ("datetime", Value::Text(text)) => is_moment(text),
            ("date", Value::Text(text)) => behind(text, "dddd-dd-dd").is_some(),
            _ => false,
        }
    }
}

/// Returns true if a text begins with a date, a time and a `Z`. The seconds may have a fraction.
fn is_moment(text: &str) -> bool {
    let Some(rest) = behind(text, "dddd-dd-ddTdd:dd:dd") else {
        return false;
    };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => rest,
    };
    zone.starts_with('Z') && !rest.starts_with(".Z")
}

/// Returns the rest of a text that begins with this form, in which `d` stands for a digit.
fn behind<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(form.len())?;
    let mut pairs = begin.bytes().zip(form.bytes());
    let is_like = pairs.all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        form => byte == form,
    });
    is_like.then_some(rest)
}

impl fmt::Display for AnyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "any {}", self.0)
    }
}

/// A matcher for text that a regular expression matches at its beginning, or does not match.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    source: String,
    regex: Regex,
    is_negated: bool,
}

impl Pattern {
    pub(super) fn new(source: &str, is_negated: bool) -> Result<Self, String> {
        let regex = Regex::new(&format!("^(?:{source})"));
        let regex = regex.map_err(|error| {
            format!("`{source}` is not a supported regular expression (without look-around and back references): {error}")
        })?;
        Ok(Self {
            source: source.to_owned(),
            regex,
            is_negated,
        })
    }

    pub(super) fn accepts(&self, value: &Value) -> bool {
        let text = value.as_str();
        text.is_some_and(|text| self.regex.is_match(text) != self.is_negated)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_negated {
            "not matching"
        } else {
            "matching"
        };
        write!(f, "text {how} `{}`", self.source)
    }
}

/// Returns true if two values are equal in Python.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    let mut others = right.iter();
                    others.any(|(other_key, other)| same(key, other_key) && same(value, other))
                })
        }
        _ => match (Number::of(left), Number::of(right)) {
            (Some(left), Some(right)) => left.is_number && left == right,
            (None, None) => left == right,
            _ => false,
        },
    }
}

/// A number of any type: its sign, its digits without zeros at either end, and the exponent of the first digit.
#[derive(PartialEq, Eq)]
struct Number {
    is_number: bool,
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::parse(if *value { "1" } else { "0" }),
            Value::Integer(value) => Self::parse(&value.to_string()),
            Value::Decimal(value) => Self::parse(&Decimal::as_str(value).to_ascii_lowercase()),
            // All digits of the float: a decimal is equal only if it is equal to the last of them.
            Value::Float(value) => Self::parse(&format!("{value:.1074}").to_ascii_lowercase()),
            _ => return None,
        })
    }

    fn parse(text: &str) -> Self {
        let is_negative = text.starts_with('-');
        let text = text.trim_start_matches(['+', '-']);
        if text.starts_with("inf") {
            return Self {
                is_number: true,
                is_negative,
                digits: "inf".to_owned(),
                exponent: 0,
            };
        }
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let is_number = !all.is_empty() && all.bytes().all(|byte| byte.is_ascii_digit());
        let significant = all.trim_start_matches('0');
        // The number of places of the first significant digit before the point.
        let places = whole.len() + significant.len();
        let places = i64::try_from(places).unwrap_or(i64::MAX)
            - i64::try_from(all.len()).unwrap_or(i64::MAX);
        let digits = significant.trim_end_matches('0').to_owned();
        let is_zero = digits.is_empty();
        Self {
            is_number,
            is_negative: is_negative && !is_zero,
            exponent: if is_zero {
                0
            } else {
                exponent.parse().unwrap_or(0_i64).saturating_add(places)
            },
            digits,
        }
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    fn decimal(text: &str) -> Value {
        text.parse::<Decimal>().unwrap().into()
    }

    #[test]
    fn numbers_are_the_same_whatever_their_type() {
        for (left, right) in [
            (value!(1), value!(1.0)),
            (value!(1), value!(true)),
            (value!(0), value!((-0.0))),
            (value!(100), decimal("1E+2")),
            (value!(5.5), decimal("5.50")),
            (value!((-120)), decimal("-0.12e3")),
            (decimal("0.00"), decimal("-0")),
            (value!((f64::INFINITY)), decimal("Infinity")),
            (value!({"a": 1, "b": [1.0]}), value!({"b": [1], "a": true})),
        ] {
            assert!(
                same(&left, &right) && same(&right, &left),
                "{left:?} {right:?}"
            );
        }
        for (left, right) in [
            (value!(1), value!("1")),
            (value!(9183.34), decimal("9183.34")),
            (value!(10), value!(1)),
            (value!(0.1), value!(1)),
            (value!((f64::NAN)), value!((f64::NAN))),
            (decimal("NaN"), decimal("NaN")),
            (value!((f64::INFINITY)), value!((f64::NEG_INFINITY))),
            (value!(nil), value!(false)),
            (value!([1]), value!([1, 2])),
            (value!({"a": 1}), value!({"b": 1})),
        ] {
            assert!(
                !same(&left, &right) && !same(&right, &left),
                "{left:?} {right:?}"
            );
        }
    }

    #[test]
    fn any_value_of_a_kind() {
        let any = |kind| AnyKind::new(kind).unwrap();
        assert!(any("int").accepts(&value!(1)) && any("int").accepts(&value!(true)));
        assert!(!any("int").accepts(&value!(1.0)) && !any("str").accepts(&value!(nil)));
        assert!(any("decimal").accepts(&decimal("1")));
        for text in ["2018-04-01T12:31:57.5Z", "2018-04-01T12:31:57Z, more"] {
            assert!(any("datetime").accepts(&value!(text)), "{text}");
        }
        for text in [
            "2018-04-01T12:31:57 Zurich",
            "2018-04-01T12:31:57.Z",
            "2018-04-01T12:31:57+00:00Z",
            "2018-04-01 12:31:57Z",
        ] {
            assert!(!any("datetime").accepts(&value!(text)), "{text}");
        }
        assert!(
            any("date").accepts(&value!("2018-04-01")) && !any("date").accepts(&value!("soon"))
        );
        assert!(AnyKind::new("regex").is_err());
    }

    #[test]
    fn a_pattern_matches_from_the_beginning() {
        let pattern = Pattern::new("a|bc", false).unwrap();
        assert!(pattern.accepts(&value!("abc")) && pattern.accepts(&value!("bcd")));
        assert!(!pattern.accepts(&value!("xa")) && !pattern.accepts(&value!(1)));
        let not = Pattern::new("a", true).unwrap();
        assert!(
            not.accepts(&value!("xa")) && !not.accepts(&value!("a")) && !not.accepts(&value!(1))
        );
        assert!(Pattern::new("(?<=a)b", false).is_err());
    }
}
