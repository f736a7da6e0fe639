//! Lengths of time as text: `500ms`, `2s`, `1m 30s`.
//!
//! A text is a sequence of numbers with the units `d`, `h`, `m`, `s`, `ms`, `us` and `ns`, which are added up; a number
//! without a unit is seconds. Texts in attributes are read at compile time, so that a mistake is an error at its place, and
//! become constants.
//!
//! Settings have the same grammar, in `Period` of the runtime. As this crate depends on nothing of the runtime, the
//! grammar is written in both, and `tests/cases/periods.txt` is run by the tests of both.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

/// Nanoseconds in each unit.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A length of time. As tokens it is an expression of type `Duration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(Duration);

impl Period {
    /// Reads a text; `None` if it is not a length of time.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        if let Ok(seconds) = rest.parse::<f64>() {
            return of_seconds(seconds).map(Self);
        }
        if rest.is_empty() {
            return None;
        }
        let mut sum = Duration::ZERO;
        while !rest.is_empty() {
            let (number, after) = split(rest, |letter| letter.is_ascii_digit() || letter == '.');
            let (unit, after) = split(after.trim_start(), |letter| letter.is_ascii_alphabetic());
            sum = sum.checked_add(of_unit(number, unit)?)?;
            rest = after.trim_start();
        }
        Some(Self(sum))
    }

    /// Returns true for a length of zero.
    pub(crate) fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    text.split_at(end)
}

fn of_unit(number: &str, unit: &str) -> Option<Duration> {
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let unit = Duration::from_nanos(*nanos);
    if let Ok(number) = number.parse::<u64>() {
        return unit.checked_mul(number.try_into().ok()?);
    }
    of_seconds(number.parse::<f64>().ok()? * unit.as_secs_f64())
}

fn of_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

impl ToTokens for Period {
    fn to_tokens(&self, output: &mut TokenStream) {
        let seconds = Literal::u64_unsuffixed(self.0.as_secs());
        let nanos = Literal::u32_unsuffixed(self.0.subsec_nanos());
        output.extend(quote!(::core::time::Duration::new(#seconds, #nanos)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_refused_as_in_settings() {
        let table = include_str!("../tests/cases/periods.txt");
        for line in table.lines().filter(|line| line.starts_with('"')) {
            let (text, expected) = line[1..].rsplit_once("\" ").unwrap();
            let expected = match expected {
                "refused" => None,
                nanos => Some(Period(Duration::from_nanos(nanos.parse().unwrap()))),
            };
            assert_eq!(Period::read(text), expected, "{line}");
        }
    }
}
